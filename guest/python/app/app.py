"""The component's exports. See `_wasm_pool`."""

from _wasm_pool import library

library.install()

from wit_world import exports

from _wasm_pool import install, program, rest, running, serving, startup

install.install()
is_program = program.take_in()


class Task(exports.Task):
    """What the host calls; one call at a time."""

    def prepare_main(self, bindings):
        _enter(serving.bind, bindings)

    def exec(self, source):
        _enter(running.script, source)

    def call(self, function, arguments):
        return _enter(serving.answer, function, arguments)


def _enter(do, *arguments):
    startup.begin()
    try:
        return do(*arguments)
    except BaseException as error:
        raise serving.failed(error) from None
    finally:
        startup.flush()


if is_program:
    from componentize_py_types import Err

    class Run(exports.Run):
        """The command that it is, too."""

        def run(self):
            if not program.run():
                raise Err(None)


rest.prepare(Task())
