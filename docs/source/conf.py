"""The documentation: pages by hand, pages that `python -m flowopt.gallery docs` makes, docstrings.

Nothing is fetched: formulae become MathML here, the theme carries its files, and no inventory of
another project is read.
"""

import importlib
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.ext.autosummary import AutoLink
from sphinx.util.nodes import make_refnode

import flowopt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "flowopt"
author = "The flowopt developers"
copyright = "The flowopt developers"
version = release = flowopt.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc",
              "mathml"]
templates_path = ["_templates"]
exclude_patterns = ["_extensions"]
default_role = "name"
nitpicky = True
keep_warnings = False
highlight_language = "python3"

autodoc_typehints = "none"  # numpydoc's sections say the types
autodoc_member_order = "bysource"
autosummary_generate = True
autosummary_imported_members = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = f"flowopt {release}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["flowopt.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "tango"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#005a8c",
        "color-brand-content": "#005a8c",
        "font-stack": "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif",
    },
}


def plain_text(app, what, name, obj, options, lines):
    """Let |x| and x**2 in docstrings be what `help` shows: no markup is written with these."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = line.split("``")  # code stands at the odd places
            parts[::2] = [re.sub(r"(?<!\\)(\||\*\*(?=[\w(-]))", r"\\\1", part)
                          for part in parts[::2]]
            lines[i] = "``".join(parts)


#: where a name of a docstring may stand in the reference
PUBLIC = ("flowopt", "flowopt.optimizers", "flowopt.stability", "flowopt.losses", "flowopt.flows",
          "flowopt.reporting")


class Name(AutoLink):
    """A name between single backticks: a link where it is public, else code."""

    def run(self):
        """Return the link or the code."""
        first = self.text.split(".")[0]
        if any(first in getattr(importlib.import_module(m), "__all__", ()) for m in PUBLIC):
            role = self.env.get_domain("py").role("obj")
            return role("obj", self.rawtext, self.text, self.lineno, self.inliner, self.options,
                        self.content)
        made, said = super().run()
        return [nodes.literal(self.rawtext, node.astext()) if isinstance(node, nodes.emphasis)
                else node for node in made], said


def public(app, env, node, wanted):
    """Find `Verdict` of a docstring where the reference has it, as flowopt.Verdict."""
    names = env.get_domain("py").objects
    for module in PUBLIC:
        found = names.get(f"{module}.{node.get('reftarget')}")
        if found is not None:
            return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, wanted)
    return None


def setup(app):
    """Connect them."""
    app.add_role("name", Name())
    app.connect("autodoc-process-docstring", plain_text, priority=100)  # before numpydoc
    app.connect("missing-reference", public)
