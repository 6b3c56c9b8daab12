"""An interpreter: created, used, closed."""

from concurrent import interpreters

interp = interpreters.create()
interp.exec("x = 20 + 1\nprint('in an interpreter of its own:', 2 * x)")
interp.prepare_main(name="world")
interp.exec("print(f'hello, {name}; x is still {x}')")
print("here there is no x:", "x" not in globals())

try:
    interp.exec("1 / 0")
except interpreters.ExecutionFailed as failed:
    print("it failed:", failed.excinfo.formatted)
interp.close()
