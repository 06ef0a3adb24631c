"""Research environments."""
import ctypes

from . import _abi
from ._handle import Handle, make
from ._lib import check, lib, options, string_list, text


class Environment(Handle):
    """A research problem: a directory with baseline code and a manifest, aire.json.

    `variables` replace ${NAME} in the manifest's mounts and commands.

    With `adapter` it is a directory of another system: "openevolve", "autoresearch", "paper", or "auto" for the one
    that fits. `variables` then also say PYTHON (the interpreter), DATA, TIMEOUT_S, CPUS, GPUS, MEMORY_MB and more;
    env.h has the list.
    """

    _type = "env"

    def __init__(self, ctx, path, variables=None, adapter=None):
        pairs = string_list([f"{name}={value}" for name, value in (variables or {}).items()])
        given = options(_abi.aire_env_options)
        given.variables = ctypes.cast(pairs, type(given.variables))
        given.adapter = text(adapter)
        super().__init__(make("env", lib.aire_env_open, ctx._p, text(path), ctypes.byref(given)))

    @property
    def name(self):
        return lib.aire_env_name(self._p).decode()

    @property
    def path(self):
        return lib.aire_env_path(self._p).decode()

    @property
    def adapter(self):
        """Word of the adapter that made the manifest; "" if it has an aire.json."""
        return lib.aire_env_adapter(self._p).decode()

    @property
    def manifest(self):
        """The manifest as JSON text: the aire.json, or what an adapter made."""
        return lib.aire_env_manifest(self._p).decode()

    @property
    def goal(self):
        return lib.aire_env_goal(self._p).decode()

    @property
    def metric(self):
        return lib.aire_env_metric(self._p).decode()

    @property
    def trust(self):
        """Who measures it: "evaluated" or "self_reported"."""
        return lib.aire_trust_name(lib.aire_env_trust(self._p)).decode()

    def file_data(self, path):
        """Content of a file of the environment, as bytes."""
        for i in range(lib.aire_env_file_count(self._p)):
            if lib.aire_env_file_path(self._p, i).decode() == path:
                length, is_program = ctypes.c_size_t(), ctypes.c_int32()
                data = lib.aire_env_file_data(self._p, i, ctypes.byref(length), ctypes.byref(is_program))
                return ctypes.string_at(data, length.value)
        raise KeyError(path)

    @property
    def hash(self):
        return lib.aire_env_hash(self._p).decode()

    @property
    def files(self):
        """Roles by path: {"train.py": "editable", ...}."""
        return {lib.aire_env_file_path(self._p, i).decode():
                lib.aire_file_role_name(lib.aire_env_file_role(self._p, i)).decode()
                for i in range(lib.aire_env_file_count(self._p))}

    def reward(self, value):
        """The reward that a value of the metric is worth."""
        out = ctypes.c_double()
        check(lib.aire_env_reward(self._p, value, ctypes.byref(out)))
        return out.value
