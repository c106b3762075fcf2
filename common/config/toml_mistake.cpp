#include "common/config/toml_mistake.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/text.h"

namespace pennypost {
namespace {

using Lines = std::vector<std::string_view>;

bool is_name_letter(char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }

/// The name at the front of `text`: letters, digits, _ - and the dots of [service.NAME].
std::string_view leading_name(std::string_view text) {
  auto end = std::ranges::find_if_not(text, is_name_letter);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

/// The offset after the quoted text that begins at `at`; npos if its end is missing.
std::size_t behind_quoted(std::string_view text, std::size_t at) {
  char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (text[at] == quote) {
      return at + 1;
    }
  }
  return text.npos;
}

/// The text without a comment at its end and the blanks before that. A # within a word does not
/// begin a comment: people who forget the quotes write `name = a#b`.
std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' || text[i] == '\'') {
      auto end = behind_quoted(text, i);
      if (end == text.npos) return trim(text);
      i = end - 1;
    } else if (text[i] == '#' && (i == 0 || is_blank(text[i - 1]))) {
      return trim(text.substr(0, i));
    }
  }
  return trim(text);
}

/// How many more [ than ] there are outside of quotes and comments.
int open_brackets(std::string_view text) {
  int open = 0;
  text = without_comment(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' || text[i] == '\'') {
      auto end = behind_quoted(text, i);
      if (end == text.npos) return open;
      i = end - 1;
    }
    open += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
  }
  return open;
}

/// The text without its quoted parts.
std::string outside_quotes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto end = text[i] == '"' || text[i] == '\'' ? behind_quoted(text, i) : i;
    if (end == text.npos) return out;
    if (end == i) out += text[i];
    if (end > i) i = end - 1;
  }
  return out;
}

/// The text in TOML's notation, in single quotes if it would need escapes in double ones.
std::string quoted(std::string_view text) {
  bool is_plain = text.find_first_of("\"\\") == text.npos;
  char quote = is_plain || text.find('\'') != text.npos ? '"' : '\'';
  std::string out(1, quote);
  for (char c : text) {
    if (quote == '"' && (c == '"' || c == '\\')) out += '\\';
    out += c;
  }
  return printable(out + quote, 200);
}

/// The text without quotes, plain or typographic, commas and semicolons at its ends.
std::string_view bare(std::string_view text) {
  constexpr std::array<std::string_view, 12> marks{"\"",     "'",      ",",      ";",
                                                   " ",      "\u201c", "\u201d", "\u201e",
                                                   "\u2018", "\u2019", "\u00ab", "\u00bb"};
  for (bool goes_on = true; std::exchange(goes_on, false);) {
    for (auto mark : marks) {
      if (text.starts_with(mark)) {
        text.remove_prefix(mark.size());
        goes_on = true;
      }
      if (text.ends_with(mark)) {
        text.remove_suffix(mark.size());
        goes_on = true;
      }
    }
  }
  return text;
}

std::string show(std::string_view name, const std::string& value) {
  return printable(name, 100) + " = " + value;
}
std::string in_quotes(std::string_view name, std::string_view value) {
  return show(name, quoted(bare(value)));
}

bool is_typographic(std::string_view text) {
  return text.starts_with("\u201c") || text.starts_with("\u201d") || text.starts_with("\u201e") ||
         text.starts_with("\u2018") || text.starts_with("\u2019") || text.starts_with("\u00ab") ||
         text.starts_with("\u00bb");
}

/// Explains text after a complete value.
std::string about_rest(std::string_view name, std::string_view value, std::string_view rest) {
  if (rest.starts_with(',')) {
    return "several values make a list: " + printable(name, 100) +
           " = [\"a\", \"b\"]; no comma follows a single value";
  }
  if (rest.starts_with(';')) return "no semicolon follows a value: " + show(name, printable(value));
  if (rest.starts_with("//")) return "a comment begins with #";
  if (rest.find('=') != rest.npos && !leading_name(rest).empty()) {
    return "one setting per line: begin a new line before " + printable(leading_name(rest), 100);
  }
  if (rest.find_first_of("\"'") != rest.npos) {
    return "a quote within the text ends it; write \\\" for it, or put single quotes (') around "
           "the "
           "whole";
  }
  return "only a comment, which begins with #, may follow the value";
}

std::string about_quoted(std::string_view name, std::string_view value,
                         std::string_view description) {
  char quote = value[0];
  if (value.starts_with("\"\"\"") || value.starts_with("'''")) {
    return "the text's closing " + std::string(3, quote) + " is missing";
  }
  auto end = behind_quoted(value, 0);
  if (end == value.npos) {
    return "the closing quote (" + std::string(1, quote) +
           ") is missing: " + in_quotes(name, value);
  }
  auto rest = trim(value.substr(end));
  if (!rest.empty() && !rest.starts_with('#')) return about_rest(name, value.substr(0, end), rest);
  if (value.find('\\') < end) {
    return "\\ begins an escape within double quotes; write \\\\ for one, or put single quotes "
           "(') " +
           std::string("around the text");
  }
  return "not TOML: " + printable(description);
}

/// Explains a value that begins with [: text after its ], or between its elements.
std::string about_list(std::string_view name, std::string_view value) {
  auto whole = without_comment(value);
  auto close = whole.rfind(']');
  bool is_host = close != whole.npos && close + 1 < whole.size();  // [mail.example.com]:587
  if (is_host) return "put quotes around the text: " + in_quotes(name, whole);
  auto inside = whole.substr(1, close == whole.npos ? close : close - 1);
  if (inside.find_first_of("\"'") != inside.npos) {
    if (open_brackets(whole) > 0) return "the ] at the list's end is missing";
    bool all_quoted = trim(outside_quotes(inside)).find_first_not_of(", \t") == inside.npos;
    return std::string(all_quoted ? "a comma belongs between the elements of a list: "
                                  : "put quotes around each element: ") +
           show(name, "[\"a\", \"b\"]");
  }
  std::string list;
  for (auto word : words(inside)) list += (list.empty() ? "" : ", ") + quoted(word);
  return "put quotes around each element: " + show(name, "[" + list + "]");
}

std::string about_value(std::string_view name, std::string_view value, std::string_view next_line,
                        std::string_view description) {
  if (value.starts_with('=')) return "one = is enough: " + in_quotes(name, trim(value.substr(1)));
  if (without_comment(value).empty()) {
    if (!next_line.empty() && is_blank(next_line[0]) && !trim(next_line).empty()) {
      return "a value begins after its =, and does not continue on the next line as in main.cf: " +
             show(name, "[\"a\", \"b\"]");
    }
    return "the value is missing; write " + show(name, "\"\"") + " for an empty one";
  }
  if (value[0] == '"' || value[0] == '\'') return about_quoted(name, value, description);
  if (value[0] == '[') return about_list(name, value);
  auto text = without_comment(value);
  if (is_typographic(text)) {
    return "these quotes are typographic; write the plain one: " + in_quotes(name, text);
  }
  auto number = bare(text);
  if (std::ranges::all_of(number, is_digit) && number.starts_with('0')) {
    number.remove_prefix(std::min(number.find_first_not_of('0'), number.size() - 1));
    return "a number has no leading zeros: " + show(name, std::string(number));
  }
  bool lacks_first = text.ends_with('"') && text.find('"') == text.size() - 1;
  return (lacks_first ? "the opening quote is missing: " : "put quotes around the text: ") +
         in_quotes(name, text);
}

std::string about_section(std::string_view line) {
  auto whole = without_comment(line);
  auto close = whole.find(']');
  auto inside = trim(whole.substr(1, close == whole.npos ? close : close - 1));
  if (inside.empty()) return "the section's name is missing: [service.NAME]";
  if (close == whole.npos) {
    return "the section's ] is missing: [" + printable(leading_name(inside), 100) + "]";
  }
  if (close + 1 < whole.size()) {
    return "a section is alone on its line; begin a new line after its ]";
  }
  std::string name(inside);
  std::ranges::replace(name, ' ', '.');
  return "a section is written [service.NAME], with a dot: [" + printable(name, 100) + "]";
}

/// Explains a line without =, or without = after its first word.
std::string about_no_equals(std::string_view raw, bool has_line_above) {
  auto line = trim(raw);
  auto name = leading_name(line);
  auto rest = trim(line.substr(name.size()));
  if (line[0] == '!' || starts_with_nocase(line, "include ")) {
    return "other files can't be included; all settings are in this one";
  }
  if (line[0] == ';' || line.starts_with("//") || line.starts_with("--")) {
    return "a comment begins with #";
  }
  if (line[0] == '}' || line.ends_with('{')) {
    return "there are no blocks in braces; each setting is a line, those of one service below "
           "[service.NAME]";
  }
  if (is_blank(raw[0]) && has_line_above) {
    return "a value does not continue on the next line as in main.cf; put all of it into one pair "
           "of "
           "quotes, or write a list: name = [\"a\", \"b\"]";
  }
  if (name.empty()) return "a line begins with a setting's name: name = \"value\"";
  if (rest.starts_with(':')) {
    return "put = between name and value: " + in_quotes(name, trim(rest.substr(1)));
  }
  if (auto equals = rest.find('='); equals != rest.npos && rest.find('"') > equals) {
    return "a setting's name is one word: letters, digits and _";
  }
  if (rest.empty()) return "a name without a value; write " + show(name, "\"value\"");
  return "the = is missing: " + in_quotes(name, rest);
}

/// The line above this one that begins a list which is still open; nothing if there is none.
std::optional<std::size_t> open_list(const Lines& lines, std::size_t line) {
  int open = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < line && i < lines.size(); ++i) {
    auto text = lines[i];
    if (open <= 0) {
      open = 0;
      begin = i + 1;
      auto equals = text.find('=');
      if (trim(text).starts_with('#') || equals == text.npos) continue;
      text = trim(text.substr(equals + 1));
      if (!text.starts_with('[')) continue;
    }
    open += open_brackets(text);
  }
  return open > 0 ? std::optional(begin) : std::nullopt;
}

std::string_view line_at(const Lines& lines, std::size_t line) {
  return line >= 1 && line <= lines.size() ? lines[line - 1] : std::string_view();
}

bool is_setting(std::string_view line) {
  auto name = leading_name(trim(line));
  return !name.empty() && trim(trim(line).substr(name.size())).starts_with('=');
}

/// Explains a line within a list that began on an earlier line.
TomlMistake about_element(const Lines& lines, std::size_t begin, std::size_t line) {
  auto text = without_comment(line_at(lines, line));
  bool is_over = text.empty() || is_setting(text) || text.starts_with('[');
  if (is_over) return {begin, "the ] at the end of this list is missing"};
  if (text[0] == '"' || text[0] == '\'') {
    auto end = behind_quoted(text, 0);
    if (end == text.npos)
      return {line, "the closing quote is missing: " + quoted(bare(text)) + ","};
    return {line, "a comma belongs between the elements of a list, also at a line's end"};
  }
  std::string list;
  for (auto word : words(text)) list += quoted(word) + ", ";
  return {line, "put quotes around each element of the list: " + std::string(trim(list))};
}

/// The first line with the same name as this one; 0 if there is none above.
std::size_t first_place(const Lines& lines, std::size_t line) {
  auto key = [](std::string_view text) {
    text = trim(text);
    return text.starts_with('[') ? text.substr(0, text.find(']')) : leading_name(text);
  };
  auto wanted = key(line_at(lines, line));
  bool is_section = wanted.starts_with('[');
  for (std::size_t i = line; i-- > 1;) {
    auto text = trim(line_at(lines, i));
    if (key(text) == wanted) return i;
    if (!is_section && text.starts_with('[')) return 0;  // in another section
  }
  return 0;
}

std::string about_repeated(const Lines& lines, std::size_t line) {
  auto text = trim(line_at(lines, line));
  auto first = first_place(lines, line);
  std::string where = first > 0 ? ", first in line " + std::to_string(first) : "";
  if (text.starts_with('[')) {
    return "this section appears twice" + where + "; put its settings below the first";
  }
  return printable(leading_name(text), 100) + " is set twice" + where + "; keep one";
}

}  // namespace

TomlMistake explain_toml(std::string_view text, std::size_t line, std::string_view description) {
  Lines lines = split(text, '\n');
  for (auto& one : lines) {
    if (one.ends_with('\r')) one.remove_suffix(1);
  }
  auto raw = line_at(lines, line);
  auto here = trim(raw);
  if (description.find("utf-8") != description.npos) {
    return {line, "the file is not UTF-8; save it as UTF-8"};
  }
  auto is_bad = [](char c) { return is_control(c) && c != '\t'; };
  if (std::ranges::any_of(raw, is_bad)) {
    return {line, "this line has a control character; remove it"};
  }
  if (description.find("cannot redefine") != description.npos) {
    return {line, about_repeated(lines, line)};
  }
  bool is_at_end = description.find("end-of-file") != description.npos;
  if (auto begin = open_list(lines, line)) {
    if (is_at_end) return {*begin, "the ] at the end of this list is missing"};
    return about_element(lines, *begin, line);
  }
  if (here.empty()) return {line, "not TOML: " + printable(description)};
  if (here.starts_with('[')) return {line, about_section(here)};
  auto name = leading_name(here);
  auto behind = trim(here.substr(name.size()));
  if (name.empty() || !behind.starts_with('=')) return {line, about_no_equals(raw, line > 1)};
  auto value = trim(behind.substr(1));
  bool opens_list = value.starts_with('[') && open_brackets(value) > 0;
  if (opens_list && is_at_end) return {line, "the ] at the end of this list is missing"};
  return {line, about_value(name, value, line_at(lines, line + 1), description)};
}

}  // namespace pennypost
