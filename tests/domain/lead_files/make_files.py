"""The corpus of ugly lead files, made here: what people's programs export, and what people do to it afterwards.

What is expected of each is in `expected.yaml`. To look at the files themselves:

    python -m tests.domain.lead_files.make_files FOLDER
"""

import csv
import io
import sys
import zipfile
from datetime import date, datetime
from pathlib import Path

from tests.domain.lead_files.workbooks import raw_workbook, row, workbook, zipped

HEADER = "First Name,Last Name,Phone,Company\n"
ADA = "Ada,Abbott,(212) 555-0146,Abbott & Co\n"
BEN = "Ben,Barros,617-555-0136,Barros\n"
CLEO = "Cleo,Castell,312.555.0100,Castell\n"
ACCENTS = "Name,Phone\nZoë Müller,212-555-0146\nJosé Núñez,617-555-0136\n"
SMALL = "name,phone\nAda Abbott,212-555-0146\nBen Barros,617-555-0136\n"


def exported(rows: list[str], quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    """A CSV as programs write it, from rows whose cells are divided by `|`."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting).writerows(row.split("|") for row in rows)
    return out.getvalue().encode()


def _encodings() -> dict[str, bytes]:
    bom = "\ufeff"
    return {
        "utf8": ACCENTS.encode(),
        "utf8_with_mark": (bom + ACCENTS).encode(),
        "utf8_with_two_marks": (bom + bom + ACCENTS).encode(),
        "utf8_cut_in_a_letter": ACCENTS.encode() + b"Zo" + "ë".encode()[:1],
        "utf16_as_excel_unicode_text": (bom + ACCENTS.replace(",", "\t").replace("\n", "\r\n")).encode("utf-16-le"),
        "utf16_big_endian": (bom + ACCENTS).encode("utf-16-be"),
        "utf16_without_mark": ACCENTS.encode("utf-16-le"),
        "utf16_odd_length": (bom + ACCENTS).encode("utf-16-le") + b"x",
        "utf32": ACCENTS.encode("utf-32"),
        "cp1252": ACCENTS.encode("cp1252"),
        "cp1252_with_curly_signs": "Name,Phone,Company\nD’Arcy O’Neill,212-555-0146,“Abbott” – Co€\n".encode("cp1252"),
        "cp1252_lines_in_utf8": ACCENTS.encode() + "Zoë Ölmann,312-555-0100\n".encode("cp1252"),
        "no_known_encoding": b"Name,Phone\nJos\x81e,212-555-0146\n",
        "nul_padding": SMALL.replace("Abbott", "Abbott\x00\x00").encode(),
        "lost_letters": "Name,Phone\nZo\ufffd,212-555-0146\n".encode(),
        "invisible_signs_in_numbers": "Name,Phone\nAda,\u202a+1\u00a0212\u00a0555\u00a00146\u202c\n".encode(),
        "other_digits": "Name,Phone\nAda,２１２－５５５－０１４６\n".encode(),
    }


def _delimiters() -> dict[str, bytes]:
    return {
        "semicolons": SMALL.replace(",", ";").encode(),
        "tabs": SMALL.replace(",", "\t").encode(),
        "pipes": SMALL.replace(",", "|").encode(),
        "colons": SMALL.replace(",", ":").encode(),
        "carets": SMALL.replace(",", "^").encode(),
        "unit_separators": SMALL.replace(",", "\x1f").encode(),
        "declared_pipe": b"sep=|\r\n" + SMALL.replace(",", "|").encode(),
        "declared_in_quotes": b'"sep=;"\n' + SMALL.replace(",", ";").encode(),
        "declared_unusual": b"sep=!\n" + SMALL.replace(",", "!").encode(),
        "commas_inside_semicolons": b'"Name, full";Phone;Score\n"Abbott, Ada";212-555-0146;1,5\n',
        "spaces_after_commas": b'name, phone, company\nAda, 212-555-0146, "Abbott, Sons"\n',
        "one_column": b"phone\n212-555-0146\n617-555-0136\n",
        "one_column_without_header": b"212-555-0146\n617-555-0136\n",
        "no_header": b"Ada,212-555-0146\nBen,617-555-0136\n",
        "old_mac_line_ends": SMALL.replace("\n", "\r").encode(),
        "windows_line_ends": SMALL.replace("\n", "\r\n").encode(),
        "mixed_line_ends": b"name,phone\r\nAda,212-555-0146\nBen,617-555-0136\rCleo,312-555-0100",
    }


def _quotes() -> dict[str, bytes]:
    many = "".join(f"Ben{line},617-555-01{line:02d}\n" for line in range(8))
    return {
        "line_break_in_a_cell": b'name,phone\n"Ada\nAbbott",212-555-0146\nBen,617-555-0136\n',
        "long_note": b'name,notes,phone\nAda,"one\ntwo, three\nfour\nfive\nsix\nseven\neight",212-555-0146\n',
        "quote_never_closed": ('name,phone\n"Ada,212-555-0146\n' + many).encode(),
        "quote_never_closed_at_the_end": b'name,phone\nBen,617-555-0136\n"Ada,212-555-0146\nCleo,312-555-0100',
        "quote_closed_by_another_row": b'name,phone\n"Ada,212-555-0146\nBen,617-555-0136\n"Cleo",312-555-0100\n',
        "last_cell_never_closed": b'"name","phone"\n"Ada","212-555-0146\n"Ben","617-555-0136"\n',
        "quotes_inside_words": b'name,phone,company\nAda "Addie" Abbott,212-555-0146,6" Pipes\n',
        "doubled_quotes": b'name,phone\n"Ada ""Addie"" Abbott",212-555-0146\n',
        "one_enormous_cell": b'name,phone\n"' + b"x" * 200_000 + b'",212-555-0146\nBen,617-555-0136\n',
        "one_enormous_line": b"name,phone\n" + b"x" * 1_100_000 + b",212-555-0146\n",
    }


def _structure() -> dict[str, bytes]:
    title = "Lead list,,,\nExported by Ada,,,\n,,,\n"
    return {
        "long_rows": (HEADER + "Ada,Abbott,212-555-0146,Abbott, Sons\n" + BEN).encode(),
        "short_rows": b"phone,name,company\n212-555-0146\n617-555-0136,Ben\n",
        "empty_ends": b"name,phone,,,\nAda,212-555-0146,,,\nBen,617-555-0136,,,,,\n",
        "blank_rows": (HEADER + "\n,,,\n" + ADA + " , ,\t,\n\n" + BEN + "\n\n").encode(),
        "titles_above_the_header": (title + HEADER + ADA).encode(),
        "report_footer": (HEADER + ADA + '\n"Confidential Information - Do Not Distribute"\n').encode(),
        "header_only": HEADER.encode(),
        "two_files_glued": ("\ufeff" + HEADER + ADA + "\ufeff" + HEADER + BEN).encode(),
        "repeated_headers": b"Phone,Name,Phone,Name\n212-555-0146,Ada,617-555-0136,Addie\n",
        "nameless_columns": b"name,,phone\nAda,x,212-555-0146\n",
        "too_many_columns": (",".join(f"c{n}" for n in range(1001)) + "\n").encode(),
        "blank_only": b" \r\n\t\n\n",
        "nothing": b"",
        "no_phone_column": b"Name,Company\nAda,Abbott\n",
        "web_page": b"<html><table><tr><td>Name</td><td>Phone</td></tr></table></html>",
        "pdf": b"%PDF-1.7 ...",
        "old_excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(60),
        "noise": bytes(range(256)) * 8,
        "corrected_rejects": (
            HEADER.strip()
            + ",cadenza_row,cadenza_code,cadenza_column,cadenza_message,cadenza_fix,cadenza_extra_cells\n"
            "Ada,Abbott,212-555-0146,'=Abbott,7,too_short,Phone,The number is too short.,Add the area code.,\n"
        ).encode(),
    }


def _numbers() -> dict[str, bytes]:
    def column(*cells: str, header: str = "phone") -> bytes:
        return (header + "\n" + "".join(f'"{cell}"\n' for cell in cells)).encode()

    return {
        "scientific_notation": column("1.21256E+10", "6.17555E+09", "212-555-0146"),
        "trailing_zeros": column("12125550146.0", "6175550136.00"),
        "formula_around_a_number": b'phone\n="+12125550146"\n\'+16175550136\n=+13125550100\n',
        "spreadsheet_errors": column("#N/A", "#REF!", "#########", "212-555-0146"),
        "dates_for_numbers": column("12-May", "2026-05-12", "212-555-0146"),
        "australian_zero_lost": b"phone,country\n491570156,Australia\n491570157,AU\n",
        "two_numbers_in_a_cell": column(
            "212-555-0146 / 617-555-0136", "212-555-0147 or 617-555-0137", "212-555-0148;0199"
        ),
        "extensions": column("212-555-0146 x12", "212-555-0147 ext. 34", "212-555-0148 #56", "+1 212 555 0149;ext=78"),
        "extension_column": b"phone,mobile,ext\n212-555-0146,617-555-0136,12\n212-555-0147,,34.0\n",
        "not_to_be_called": column("911", "1-900-555-0123", "1-800-555-0199", "12345", "+881612345678", "500-555-0146"),
        "too_short_too_long": column("555-0146", "+1 212 555 01467", "+1 212 5550", "999-555-0146"),
        "words_for_numbers": column("call me", "n/a", "-", "none", "212-555-0146"),
        "foreign_without_plus": column("61491570156", "0491570156", "+61491570156"),
        "unknown_country_code": column("+999123456789", "+12125550146"),
        "country_in_words": b"phone,country\n0491 570 156,Australia\n020 7946 0123,United Kingdom\n212-555-0146,USA\n"
        b"212-555-0147,Narnia\n",
        "british_zero_in_brackets": column("+44 (0)20 7946 0123", "0044 20 7946 0124"),
        "country_not_called": column("+4930123456", "212-555-0146"),
        "same_number_written_otherwise": column("212-555-0146", "+1 (212) 555 0146", "12125550146", "212.555.0146 x9"),
        "several_numbers": b"Company Phone,Home Phone,Direct Dial,Mobile Phone\n"
        b"212-555-0100,212-555-0101,212-555-0102,212-555-0103\n212-555-0110,,bad,\n",
        "letters_for_digits": column("1-212-555-01AB", "212-555-0146"),
    }


def _people() -> dict[str, bytes]:
    return {
        "names": exported(
            [
                "Full Name|Phone",
                "Abbott, Ada|212-555-0146",
                "DR. BEN BARROS|617-555-0136",
                "jean-luc picot|312-555-0100",
                "???|415-555-0101",
            ]
        ),
        "formulas_for_names": exported(
            ["name|phone|company", '=HYPERLINK("http://x")|212-555-0146|@SUM(1)', "-2+3|617-555-0136|+x"]
        ),
        "e_mails": b"phone,email\n212-555-0146,ada@example\n617-555-0136,ada@example.com;ben@example.com\n"
        b"312-555-0100,cleo@example.com\n",
        "time_zones": b"phone,time zone\n212-555-0146,Eastern Time (US & Canada)\n617-555-0136,america/new_york\n"
        b"312-555-0100,somewhere\n415-555-0101,GMT-8\n",
        "states": b"phone,state\n212-555-0146,new york\n617-555-0136,CA\n312-555-0100,Ill.\n",
        "addresses": b"Phone,Street,City,State,Zip,Country\n212-555-0146,1 Main St,Boston,Massachusetts,2110,USA\n"
        b"0491 570 156,2 High St,Darwin,nt,800,Australia\n",
        "languages": b"phone,language\n212-555-0146,English\n617-555-0136,es_MX\n312-555-0100,Klingon\n",
        "do_not_call": b"phone,Do Not Call\n212-555-0146,TRUE\n617-555-0136,0\n312-555-0100,x\n",
        "consent": b"phone,consent,consent date,consent source,consent proof\n"
        b"212-555-0146,Express Written,2026-03-04T10:00:00Z,web form,https://example.com/1\n"
        b"617-555-0136,yes,3/4/2026,,\n312-555-0100,opted out,,,\n415-555-0101,perhaps,,,\n"
        b"303-555-0154,existing customer,46085,,\n206-555-0115,no written consent,,,\n404-555-0100,verbal,soon,,\n",
        "consent_days_first": b"phone,consent,consent date\n0491 570 156,yes,3/4/2026\n0491 570 157,yes,13.4.2026\n",
        "a_cell_of_a_thousand_letters": b"phone,company\n212-555-0146," + b"x" * 1000 + b"\n",
    }


def _exports() -> dict[str, bytes]:
    return {
        "hubspot": exported(
            [
                "Record ID|First Name|Last Name|Email|Phone Number|Mobile Phone Number|Company name|Job Title|"
                "Street Address|City|State/Region|Postal Code|Country/Region|Time Zone|Preferred language|"
                "Original Source|Lead Status|Contact owner",
                "101|Ada|Abbott|ada@example.com|+1 212-555-0100|(212) 555-0146|Abbott & Co|Buyer|"
                "1 Main St|New York|NY|10001|United States|america_slash_new_york|en|"
                "Organic Search|New|",
            ],
            csv.QUOTE_ALL,
        ),
        "hubspot_internal": exported(
            [
                "hs_object_id|firstname|lastname|email|phone|mobilephone|company|jobtitle|address|city|state|zip|"
                "country|hs_timezone|hs_language",
                "101|Ada|Abbott|ada@example.com|212-555-0100|212-555-0146|Abbott|Buyer|1 Main St|New York|NY|10001|"
                "US|America/New_York|en-us",
            ]
        ),
        "salesforce": exported(
            [
                "First Name|Last Name|Title|Company / Account|Street|City|State/Province|Zip/Postal Code|Country|"
                "Phone|Mobile|Email|Lead Source|Do Not Call",
                "Ada|Abbott|Buyer|Abbott|1 Main St|New York|NY|10001|United States|"
                "(212) 555-0100|(212) 555-0146|ada@example.com|Web|0",
                "Ben|Barros||Barros||||||(617) 555-0136||||1",
            ],
            csv.QUOTE_ALL,
        ),
        "salesforce_api": exported(
            [
                "Id|FirstName|LastName|Company|Phone|MobilePhone|Fax|AssistantPhone|Email|Title|Street|City|State|"
                "PostalCode|Country|LeadSource|HasOptedOutOfCall",
                "00Q1|Ada|Abbott|Abbott|212-555-0100|212-555-0146|212-555-0102|212-555-0103|ada@example.com|Buyer|"
                "1 Main St|New York|NY|10001|US|Web|false",
            ]
        ),
        "german": "Vorname;Nachname;Telefon;Handy;Firma;PLZ;Ort;Strasse;Land\n"
        "Zoë;Groß;+44 20 7946 0123;020 7946 0124;Groß & Söhne;SW1A 1AA;London;1 Mall;UK\n".encode("cp1252"),
        "spanish": "Nombre,Apellido,Teléfono,Empresa\nJosé,Núñez,212-555-0146,Peña\n".encode(),
    }


def _json() -> dict[str, bytes]:
    return {
        "json_array": b'[{"name": "Ada Abbott", "phone": "212-555-0146"}, {"name": "Ben", "phone": 6175550136}]',
        "json_wrapped": b'{"count": 1, "from": "x", "leads": [{"phone": "212-555-0146", "vip": true, "tags": ["a"]}]}',
        "json_lines": b'\xef\xbb\xbf{"phone": "212-555-0146"}\n\nnot json\n{"phone": 6175550136}\n[1]\n',
        "json_pretty": b'{\n  "phone": "212-555-0146",\n  "name": "Ada"\n}\n',
        "json_pretty_several": b'{\n "phone": "212-555-0146"\n}\n{\n "phone": "617-555-0136"\n}\n',
        "json_utf16": '[{"name": "Zoë", "phone": "212-555-0146"}]'.encode("utf-16"),
        "json_cut_off": b'[{"phone": "212-555-0146"}, {"phone": "617-5',
        "json_of_arrays": b'[["phone"], ["212-555-0146"], {"phone": "617-555-0136"}]',
        "json_scientific": b'[{"phone": 1.21256E+10}, {"phone": 12125550146.0}, {"phone": null}]',
        "json_other_names": b'[{"phone": "212-555-0146"}, {"Name": "Ben", "Mobile": "617-555-0136"}]',
        "json_nested": b'[{"id": 7, "properties": {"firstname": "Ada", "mobilephone": "212-555-0146"}, '
        b'"address": {"city": "Boston", "state": "MA"}, "owner": {"name": "Ben", "phone": "617-555-0136"}}]',
        "json_lists_of_numbers": b'{"name": "Ada", "phones": ["212-555-0146", 6175550136], "tags": ["a"]}\n'
        b'{"name": "Ben", "phones": ["212-555-0147"]}\n{"phones": []}\n',
        "json_empty": b"[]",
        "json_too_deep": b"[" * 100_000,
        "json_enormous_object": b'[{"phone": "' + b"1" * 1_200_000 + b'"}]',
    }


def _workbooks() -> dict[str, bytes]:
    head = ("Name", "Phone")
    ada, ben = ("Ada", "212-555-0146"), ("Ben", "617-555-0136")
    plain = workbook([head, ada, ben])
    texts = row(1, *head) + row(2, *ada)
    return {
        "xlsx": plain,
        "xlsx_numbers": workbook([("Name", "Phone", "Score"), ("Ada", 12125550146, 1.5), ("Ben", 6175550136.0, True)]),
        "xlsx_dates": workbook(
            [("Phone", "Consent", "Consent Date")],
            [("Phone", "Consent", "Consent Date"), ("212-555-0146", "yes", date(2026, 3, 4))],
            hidden=[0],
        ),
        "xlsx_date_and_time": workbook(
            [("Phone", "Consent", "Consent Date"), ("212-555-0146", "yes", datetime(2026, 3, 4, 10, 30))]
        ),
        "xlsx_blank_rows_and_titles": workbook(
            [("Leads of May",), (), ("", "Name", "Phone"), (), ("", *ada), ("", *ben)]
        ),
        "xlsx_formulas_without_results": workbook([head, ("Ada", '="212-555-0146"'), ben]),
        "xlsx_formulas_with_results": raw_workbook(
            row(1, *head) + '<row r="2"><c r="A2" t="str"><f>UPPER("ada")</f><v>ADA</v></c>'
            '<c r="B2"><f>1*1</f><v>12125550146</v></c></row>'
        ),
        "xlsx_errors_and_booleans": raw_workbook(
            row(1, "Phone", "Do Not Call") + '<row r="2"><c t="e"><v>#N/A</v></c></row>'
            '<row r="3"><c><v>12125550146</v></c><c t="b"><v>1</v></c></row>'
            '<row r="4"><c><v>1.6175550136E10</v></c><c t="b"><v>0</v></c></row>'
        ),
        "xlsx_shared_texts": raw_workbook(
            '<row r="1"><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
            '<row r="2"><c t="s"><v>2</v></c><c t="s"><v>3</v></c></row>',
            texts=("Name", "Phone", "<r><t>A</t></r><r><t>da</t></r>", "212-555-0146"),
        ),
        "xlsx_several_sheets": workbook([], [head, ada], [head, ben]),
        "xlsx_hidden_first_sheet": workbook([head, ben], [head, ada], hidden=[0]),
        "xlsx_without_places": raw_workbook(row(None, *head) + row(None, *ada)),
        "xlsx_wrong_size": raw_workbook(texts, before='<dimension ref="A1"/>'),
        "xlsx_enormous_size": raw_workbook(texts, before='<dimension ref="A1:XFD1048576"/>'),
        "xlsx_far_cell": raw_workbook(texts + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        "xlsx_row_in_the_billions": raw_workbook(texts + '<row r="999999999"><c><v>1</v></c></row>'),
        "xlsx_links_below": raw_workbook(texts, after='<hyperlinks><hyperlink ref="A2" location="x"/></hyperlinks>'),
        "xlsx_empty": workbook([]),
        "xlsx_header_only": workbook([head]),
        "xlsx_bomb_of_one_row": raw_workbook(texts + '<row r="3">' + "<c/>" * 2_000_000 + "</row>"),
        "xlsx_bomb_of_rows": raw_workbook(texts + "<row/>" * 1_100_000),
        "xlsx_bomb_of_texts": raw_workbook(texts, texts=("",) * 1_600_000),
        "xlsx_bomb_of_styles": _with_part(plain, "xl/styles.xml", "<x>" + " " * 9_000_000 + "</x>"),
        "xlsx_bomb_of_entities": raw_workbook(texts, top='<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'),
        "xlsx_broken_xml": raw_workbook(texts + "<row><c></row>"),
        "xlsx_cut_off": plain[: len(plain) // 2],
        "zip_of_something_else": zipped({"leads.csv": SMALL}),
    }


def _with_part(book: bytes, name: str, content: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {part: archive.read(part).decode() for part in archive.namelist()}
    return zipped(parts | {name: content})


def make_files() -> dict[str, bytes]:
    """The files by name."""
    groups = (_encodings, _delimiters, _quotes, _structure, _numbers, _people, _exports, _json, _workbooks)
    return {name: data for group in groups for name, data in group().items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, content in make_files().items():
        (folder / file_name).write_bytes(content)
    print(f"{len(make_files())} files in {folder}")
