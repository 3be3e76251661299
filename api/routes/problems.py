"""What each problem code means, for whoever follows the ``type`` of a problem document."""

from litestar import get
from litestar.params import FromPath

from api.auth import ANYBODY
from api.i18n import LOCALES, catalogue
from api.wire.base import ExplanationOut
from domain.errors import NotFound


@get("/problems/{code:str}", operation_id="explainProblem", security=ANYBODY, tags=("problems",), sync_to_thread=False)
def explain_problem(code: FromPath[str]) -> ExplanationOut:
    """Explain a problem code in both languages."""
    if code not in catalogue(LOCALES[0])["problem"]:
        raise NotFound(noun="problem")
    texts = {locale: catalogue(locale) for locale in LOCALES}
    return ExplanationOut(
        code=code,
        title={locale: texts[locale]["refusal"][code] for locale in LOCALES},
        explanation={locale: texts[locale]["problem"][code] for locale in LOCALES},
    )


HANDLERS = (explain_problem,)
