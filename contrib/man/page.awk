# Makes a manual page of the head of a source file: the comment that says what a program does.
#
#   awk -f page.awk -v page=postmap -v section=1 -v version=0.1.0 SOURCE
#
# The head's first line is `NAME(SECTION): what it does.` or `NAME` with `NAME - what it does` below it. A line of capitals
# begins a part; what is indented below it is shown as it is, with its line breaks. Other lines are filled. Indented lines
# before the first part are the synopsis, and what follows them the description. SEE ALSO keeps what are manual pages,
# and no source files.

function escaped(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  if (text ~ /^[.']/) text = "\\&" text
  return text
}
function leave_block() {
  if (is_block) print ".fi"
  is_block = 0
}
function begin_part(title) {
  leave_block()
  part = title
  is_implied = is_inline = 0
  if (part != "SEE ALSO") print ".SH " part
}
function begin_page(what) {
  sub(/\.$/, "", what)
  if (what !~ /^Pennypost/) what = tolower(substr(what, 1, 1)) substr(what, 2)
  if (what !~ /[Pp]ennypost/) what = what " (Pennypost)"  # so that man -k finds it
  print ".TH " toupper(page) " " section " \"\" \"Pennypost " version "\""
  print ".SH NAME"
  print page " \\- " escaped(what)
  has_begun = 1
}
# Every NAME(N) of a line, as it is in SEE ALSO.
function add_pages(text) {
  while (match(text, /[a-z][a-z.-]*\([1-8]\)/)) {
    pages = pages (pages == "" ? "" : ", ") substr(text, RSTART, RLENGTH)
    text = substr(text, RSTART + RLENGTH)
  }
}
function line_of_part(text) {
  if (part == "SEE ALSO") {
    add_pages(text)
  } else if (is_inline && text ~ /^ /) {
    sub(/^ +/, "", text)
    print escaped(text)
  } else if (text ~ /^  /) {
    if (!is_block) print ".PP\n.nf"
    is_block = 1
    print escaped(substr(text, 3))
  } else if (text == "") {
    if (is_block) print ""
    else print ".PP"
  } else {
    leave_block()
    print escaped(text)
  }
}

!/^\/\// { exit }
{
  text = $0
  sub(/^\/\/ ?/, "", text)
}
!has_begun {
  if (text == "NAME") next
  sub(/^  [a-z]+ - /, "", text)
  sub(/^`?[a-z][a-z0-9() ]*`?: /, "", text)
  what = what (what == "" ? "" : " ") text
  if (text == "" || text ~ /\.$/) begin_page(what)
  next
}
part == "" && text ~ /^  / { begin_part("SYNOPSIS"); is_implied = 1 }
part == "SYNOPSIS" && is_implied && text ~ /^[A-Z][a-z]/ { begin_part("DESCRIPTION") }
part == "" && text ~ /^[A-Z][a-z]/ { begin_part("DESCRIPTION") }
text ~ /^[A-Z][A-Z]+( [A-Z]+)*$/ { begin_part(text); next }
text ~ /^[A-Z][A-Z]+( [A-Z]+)?  +[^ ]/ {
  match(text, /^[A-Z][A-Z]+( [A-Z]+)?/)
  title = substr(text, 1, RLENGTH)
  rest = substr(text, RLENGTH + 1)
  sub(/^ +/, "", rest)
  begin_part(title)
  is_inline = 1
  line_of_part(rest)
  next
}
{ line_of_part(text) }
END {
  leave_block()
  if (pages != "") print ".SH SEE ALSO\n" escaped(pages)
}
