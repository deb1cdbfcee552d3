#!/usr/bin/python3
"""Files of mounted volumes in the search of GNOME Shell: a search provider on the session bus (python3-gi).

    mkdir -p ~/.local/share/dbus-1/services
    sed "s|@HERE@|$PWD|" org.brainyfs.SearchProvider.service >~/.local/share/dbus-1/services/org.brainyfs.SearchProvider.service
    sudo cp brainy-search-provider.ini /usr/share/gnome-shell/search-providers/

Return on a result opens the file; on the provider's own icon, the folder of the whole search, which is MNT/.find/WORDS. The
interface: https://developer.gnome.org/documentation/tutorials/search-provider.html
"""
import os
import re

from gi.repository import Gio, GLib

from brainy_query import find

INTERFACE = """
<node><interface name="org.gnome.Shell.SearchProvider2">
  <method name="GetInitialResultSet"><arg type="as" direction="in"/><arg type="as" direction="out"/></method>
  <method name="GetSubsearchResultSet"><arg type="as" direction="in"/><arg type="as" direction="in"/><arg type="as" direction="out"/></method>
  <method name="GetResultMetas"><arg type="as" direction="in"/><arg type="aa{sv}" direction="out"/></method>
  <method name="ActivateResult"><arg type="s" direction="in"/><arg type="as" direction="in"/><arg type="u" direction="in"/></method>
  <method name="LaunchSearch"><arg type="as" direction="in"/><arg type="u" direction="in"/></method>
</interface></node>"""
NAME, PATH = "org.brainyfs.SearchProvider", "/org/brainyfs/SearchProvider"
LIMIT = 10

hits = {}  # by path, of the last search


def mounts():
    """Where we have mounted volumes; BRAINY_MOUNTS, places with colons between them, says it in another way."""
    if os.environ.get("BRAINY_MOUNTS"):
        return os.environ["BRAINY_MOUNTS"].split(":")
    with open("/proc/self/mounts", encoding="utf-8") as f:
        rows = [line.split() for line in f]
    ours = [where for _, where, kind, options, *_ in rows
            if kind == "fuse.brainy" and f"user_id={os.getuid()}" in options.split(",")]
    return [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), where) for where in ours]


def search(terms):
    """The paths of what is found, the best of each mount first."""
    hits.clear()
    for top in mounts():
        try:
            for hit in find(top, " ".join(terms), limit=LIMIT, literal=1):
                hits[os.path.join(top, hit["path"])] = hit
        except OSError:
            pass  # a mount that cannot answer now has no results
    return sorted(hits, key=lambda path: -hits[path]["score"])[:LIMIT]


def meta(path):
    hit = hits.get(path, {})
    icon = Gio.content_type_get_icon(hit.get("mime", "application/octet-stream")).to_string()
    return {"id": GLib.Variant("s", path), "name": GLib.Variant("s", os.path.basename(path)), "gicon": GLib.Variant("s", icon),
            "description": GLib.Variant("s", " ".join(hit.get("snippet", "").split())[:200])}


def show(path):
    Gio.AppInfo.launch_default_for_uri(GLib.filename_to_uri(path), None)


def show_search(terms):
    for top in mounts()[:1]:
        show(os.path.join(top, ".find", " ".join(terms).replace("%", "%25").replace("/", "%2F")))


def call(_bus, _sender, _path, _interface, method, arguments, invocation):
    arguments = arguments.unpack()
    try:
        if method in ("GetInitialResultSet", "GetSubsearchResultSet"):
            answer = GLib.Variant("(as)", (search(arguments[-1]),))
        elif method == "GetResultMetas":
            answer = GLib.Variant("(aa{sv})", ([meta(path) for path in arguments[0]],))
        else:
            show(arguments[0]) if method == "ActivateResult" else show_search(arguments[0])
            answer = None
        invocation.return_value(answer)
    except GLib.Error as error:
        invocation.return_dbus_error("org.brainyfs.Error", error.message)


def main():
    loop = GLib.MainLoop()
    interface = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
    Gio.bus_own_name(Gio.BusType.SESSION, NAME, Gio.BusNameOwnerFlags.NONE,
                     lambda bus, _name: bus.register_object(PATH, interface, call, None, None), None,
                     lambda _bus, _name: loop.quit())
    loop.run()


if __name__ == "__main__":
    main()
