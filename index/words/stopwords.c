/* SPDX-License-Identifier: MIT */
#include "index/words/stopwords.h"

#include <stddef.h>

#define ENGLISH                                                                                            \
	"i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her "  \
	"hers herself it its itself they them their theirs themselves what which who whom this that these "    \
	"those am is are was were be been being have has had having do does did doing would should could "     \
	"ought a an the and but if or because as until while of at by for with about against between into "    \
	"through during before after above below to from up down in out on off over under again further then " \
	"once here there when where why how all any both each few more most other some such no nor not only "  \
	"own same so than too very"

#define GERMAN                                                                                              \
	"aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes anderm " \
	"andern anderr anders auch auf aus bei bin bis bist da damit dann der den des dem die das dass "        \
	"derselbe derselben denselben desselben demselben dieselbe dieselben dasselbe dazu dein deine deinem "  \
	"deinen deiner deines denn derer dessen dich dir du dies diese diesem diesen dieser dieses doch dort "  \
	"durch ein eine einem einen einer eines einig einige einigem einigen einiger einiges einmal er ihn ihm " \
	"es etwas euer eure eurem euren eurer eures für gegen gewesen hab habe haben hat hatte hatten hier hin " \
	"hinter ich mich mir ihr ihre ihrem ihren ihrer ihres euch im in indem ins ist jede jedem jeden jeder " \
	"jedes jene jenem jenen jener jenes jetzt kann kein keine keinem keinen keiner keines können könnte "   \
	"machen man manche manchem manchen mancher manches mein meine meinem meinen meiner meines mit muss "    \
	"musste nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seines selbst " \
	"sich sie ihnen sind so solche solchem solchen solcher solches soll sollte sondern sonst über um und "  \
	"uns unsere unserem unseren unser unseres unter viel vom von vor während war waren warst was weg weil " \
	"weiter welche welchem welchen welcher welches wenn werde werden wie wieder will wir wird wirst wo "    \
	"wollen wollte würde würden zu zum zur zwar zwischen"

#define FRENCH                                                                                             \
	"au aux avec ce ces dans de des du elle en et eux il ils je la le les leur lui ma mais me même mes "   \
	"moi mon ne nos notre nous on ou par pas pour qu que qui sa se ses son sur ta te tes toi ton tu un "   \
	"une vos votre vous c d j l à m n s t y été étée étées étés étant suis es est sommes êtes sont sera "  \
	"seront serait était étaient fut ai as avons avez ont aura auront avait avaient eut"

#define SPANISH                                                                                            \
	"de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este sí " \
	"porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos " \
	"uno les ni contra otros ese eso ante ellos e esto mí antes algunos qué unos yo otro otras otra él "   \
	"tanto esa estos mucho quienes nada muchos cual poco ella estar estas algunas algo nosotros es son "   \
	"fue era eran ha han había ser está están"

#define ITALIAN                                                                                            \
	"ad al allo ai agli all agl alla alle con col coi da dal dallo dai dagli dall dalla dalle di del "     \
	"dello dei degli dell della delle in nel nello nei negli nell nella nelle su sul sullo sui sugli sull " \
	"sulla sulle per tra contro io tu lui lei noi voi loro mio mia miei mie tuo tua suo sua suoi sue "     \
	"nostro nostra mi ti ci vi lo la li le gli ne il un uno una ma ed se perché anche come dov dove che "  \
	"chi cui non più quale quanto quanti quella quello questo questa si tutto tutti a c e i l o è sono "   \
	"era erano ha hanno ho essere stato"

#define PORTUGUESE                                                                                         \
	"de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua " \
	"ou quando muito nos já eu também só pelo pela até isso ela entre depois sem mesmo aos seus quem nas " \
	"me esse eles você essa num nem suas meu às minha numa pelos elas qual nós lhe deles essas esses "     \
	"pelas este dele é são foi era ser está estão há têm tem"

#define DUTCH                                                                                              \
	"de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan "  \
	"zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft " \
	"hebben deze u want nog zal me zij nu ge geen omdat iets worden toch al waren veel meer doen toen "    \
	"moet ben zonder kan hun dus alles onder ja eens hier wie werd altijd doch wordt wezen kunnen ons "    \
	"zelf tegen na reeds wil kon niets uw iemand geweest andere"

#define SWEDISH                                                                                            \
	"och det att i en jag hon som han på den med var sig för så till är men ett om hade de av icke mig "   \
	"du henne då sin nu har inte hans honom skulle hennes där min man ej vid kunde något från ut när "     \
	"efter upp vi dem vara vad över än dig kan sina här ha mot alla under någon eller allt mycket sedan "  \
	"ju denna själv detta åt utan varit hur ingen mitt ni bli blev oss din dessa några deras blir mina"

#define DANISH_NORWEGIAN                                                                                   \
	"og i jeg det at en den til er som på de med han af av for ikke der var mig seg sig men et har om vi " \
	"min havde hadde ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her "   \
	"alle vil blev kunne ind når være dog noget ville jo deres efter ned skulle denne end dette mit også " \
	"under have dig anden hende mine alt meget sit sine vor mod disse hvis din nogle hos blive mange"

#define RUSSIAN                                                                                            \
	"и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было "  \
	"вот от меня еще нет о из ему теперь когда даже ну вдруг ли если уже или ни быть был него до вас "     \
	"нибудь опять уж вам сказал ведь там потом себя ничего ей может они тут где есть надо ней для мы тебя " \
	"их чем была сам чтоб без будто чего раз тоже себе под будет ж тогда кто этот того потому этого"

const struct stopword_list stopword_lists[] = {
	{ "english", "en", ENGLISH },
	{ "german", "de", GERMAN },
	{ "french", "fr", FRENCH },
	{ "spanish", "es", SPANISH },
	{ "italian", "it", ITALIAN },
	{ "portuguese", "pt", PORTUGUESE },
	{ "dutch", "nl", DUTCH },
	{ "swedish", "sv", SWEDISH },
	{ "norwegian", "no", DANISH_NORWEGIAN },
	{ "danish", "da", DANISH_NORWEGIAN },
	{ "russian", "ru", RUSSIAN },
	{ "finnish", "fi", NULL },
	{ "hungarian", "hu", NULL },
	{ "romanian", "ro", NULL },
	{ "turkish", "tr", NULL },
	{ "arabic", "ar", NULL },
	{ "armenian", "hy", NULL },
	{ "basque", "eu", NULL },
	{ "catalan", "ca", NULL },
	{ "greek", "el", NULL },
	{ "hindi", "hi", NULL },
	{ "indonesian", "id", NULL },
	{ "irish", "ga", NULL },
	{ "lithuanian", "lt", NULL },
	{ "nepali", "ne", NULL },
	{ "serbian", "sr", NULL },
	{ "tamil", "ta", NULL },
};
