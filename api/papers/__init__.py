"""Papers: what is printed, sent and signed, made from data; nothing here reads the database.

``wording`` says a draft in one language or two, ``editable`` writes it as DOCX to negotiate, ``frozen`` as PDF whose
bytes are always the same. Whatever people have typed is text in both, never markup, field or formula.
"""
