"""The build step that pyproject.toml cannot say: the wheel has the checkout's registry.db among the package's data."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRegistry(build_py):
    """Copies registry.db; an editable install reads it where it is."""

    def run(self) -> None:
        """Build the package, then add the file."""
        super().run()
        if not self.editable_mode:
            self.copy_file("registry.db", str(Path(self.build_lib, "latentknobs", "data", "registry.db")))


setup(cmdclass={"build_py": BuildWithRegistry})
