"""Formulae as MathML, which browsers set by themselves: no script and no font is loaded."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

log = logging.getLogger(__name__)

APPLY, THIN = "<mo>&ApplyFunction;</mo>", '<mspace width="0.17em"/>'


def _formula(translator, node, block):
    text = node.astext()
    if block and "\\\\" in text and "\\begin" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    try:
        made = tex2mathml(text, as_block=block)
        # fences of norms and products keep the height of a line, a slash stands close, and the
        # name of a function apart from what it is not applied to by brackets
        made = re.sub(r'<mo(?: class="\w+")?>([⟨⟩‖])</mo>', r'<mo stretchy="false">\1</mo>', made)
        made = re.sub(r'<mo(?: class="\w+")?>\|</mo>',
                      '<mo stretchy="false" lspace="0em" rspace="0em">|</mo>', made)
        made = re.sub(r"<mo[^>]*>/</mo>", '<mo lspace="0em" rspace="0em">/</mo>', made)
        made = re.sub(rf"(</m(?:i|n|frac|sup|sub|sqrt)>\s*)(<mi[^>]*>\w\w+</mi>\s*{APPLY})",
                      rf"\1{THIN}\2", made)
        made = re.sub(rf"({APPLY}\s*)(?=<m(?!o\b))", rf"\1{THIN}", made)
    except (MathError, SyntaxError, ValueError) as problem:
        log.warning("the formula %r cannot be read: %s", text, problem, location=node)
        made = translator.encode(text)
    if block:
        place = "".join(f' id="{name}"' for name in node["ids"][:1])
        made = f'<div class="formula"{place}>{made}</div>'
    translator.body.append(made)
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml",
                               (lambda self, node: _formula(self, node, False), None),
                               (lambda self, node: _formula(self, node, True), None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
