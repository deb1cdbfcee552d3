"""How an operation fails."""


class Refused(Exception):
    """With the number of an error."""


def refuse_if(condition, error):
    if condition:
        raise Refused(error)
