"""What Python interpreters say to each other, beyond what any guest may call.

A call's first argument is what is to be done; behind it come handles, which make queues and interpreters known, and the
script of the program, which makes its functions known.
"""

EXEC = "python:exec"
CALL = "python:call"
WORK = "python:work"
#: Ends the interpreter; the caller hears of it when it is gone, and what it had put into queues with it.
END = "python:end"

#: The media type of a script: its name, NUL, its text.
SCRIPT = "application/x-python-script"

#: Failures of a call that are about what it carries.
ARGUMENTS, RESULT = "not-shareable(arguments)", "not-shareable(result)"
NOT_SHAREABLE_TEXT = {ARGUMENTS: "args not shareable", RESULT: "result not shareable"}
NOT_SHAREABLE = set(NOT_SHAREABLE_TEXT)
