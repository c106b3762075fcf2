#include "common/log/line_form.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "common/base/json_text.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t id_bytes_min = 6;
constexpr std::size_t id_bytes_max = 30;
constexpr std::size_t name_bytes_max = 20;  // of a component before the text, in Dovecot's form
constexpr std::size_t fields_bytes_max = log_line_bytes_max / 2;  // the rest is for `message`
constexpr std::string_view json_begin = "{\"time\":\"";
constexpr std::string_view id_begin = "\"queue_id\":\"";

bool is_id_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

std::string rfc3339(std::int64_t microseconds) {
  const auto seconds = static_cast<std::time_t>(microseconds / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + size, text.size() - size, ".%06dZ",
                static_cast<int>(microseconds % 1'000'000));
  return text.data();
}

void add_field(std::string& out, std::string_view name, std::string_view value, bool is_number) {
  std::string field = ",\"" + std::string(name) + "\":";
  field += is_number && !value.empty() ? std::string(value) : json_string(value);
  if (out.size() + field.size() <= fields_bytes_max) out += field;
}

/// As much of a text as fits into `bytes_max` as a JSON string.
std::string cut_string(std::string_view text, std::size_t bytes_max) {
  std::string whole = json_string(text);
  // Escapes make a text longer by an unknown amount.
  for (std::size_t kept = bytes_max; whole.size() > bytes_max; kept -= kept / 8 + 1) {
    whole = json_string(text.substr(0, kept));
  }
  return whole;
}

/// Where the text begins, behind `component[pid]: `; npos if the line is not of our form.
std::size_t text_begin(std::string_view line) {
  auto end = line.find("]: ");
  return end == line.npos ? line.npos : end + 3;
}

std::string_view id_at(std::string_view text) {
  auto colon = text.find(':');
  if (colon == text.npos || colon > id_bytes_max) return {};
  std::string_view id = text.substr(0, colon);
  return looks_like_queue_id(id) ? id : std::string_view();
}

/// Where the JSON of a line begins, also behind syslog's tag; npos if there is none.
std::size_t json_place(std::string_view line) {
  if (line.starts_with(json_begin)) return 0;
  auto begin = text_begin(line);
  return begin != line.npos && line.substr(begin).starts_with(json_begin) ? begin : line.npos;
}

/// The code point of the four hexadecimal digits of an escape; `?` if they are none of ours.
char escaped_character(std::string_view digits) {
  unsigned code = 0;
  for (char c : digits) {
    char small = to_lower(c);
    bool is_letter = small >= 'a' && small <= 'f';
    if (!is_digit(c) && !is_letter) return '?';
    code = code * 16 + static_cast<unsigned>(is_letter ? small - 'a' + 10 : c - '0');
  }
  return code < 0x20 || code == 0x7f ? static_cast<char>(code) : '?';
}

/// The value of a field whose text is a JSON string as json_string() makes it; empty if there is
/// none. Escaped quotes keep a value from looking like a field.
std::string json_field(std::string_view json, std::string_view name) {
  const std::string sought = "\"" + std::string(name) + "\":\"";
  auto at = json.find(sought);
  std::string value;
  if (at == json.npos) return value;
  for (std::size_t i = at + sought.size(); i < json.size() && json[i] != '"'; ++i) {
    if (json[i] != '\\' || i + 1 == json.size()) {
      value += json[i];
    } else if (json[++i] != 'u') {
      value += json[i];
    } else {
      value += escaped_character(json.substr(i + 1, 4));
      i += 4;
    }
  }
  return value;
}

std::string component_of(std::string_view program) {
  auto slash = program.rfind('/');
  return std::string(slash == program.npos ? program : program.substr(slash + 1));
}

void set_text(LogLine& parsed, std::string_view text) {
  parsed.id = id_at(text);
  parsed.text = parsed.id.empty() ? text : trim(text.substr(parsed.id.size() + 1));
}

LogLine parse_json(std::string_view json) {
  LogLine parsed;
  parsed.time = json_field(json, "time");
  parsed.component = component_of(json_field(json, "program"));
  set_text(parsed, json_field(json, "message"));
  return parsed;
}

}  // namespace

std::string json_log_line(const LogLineHead& head, std::string_view prefix, std::string_view text,
                          LogParts parts) {
  std::string out(json_begin);
  out += rfc3339(head.microseconds) + "\"";
  if (!head.host.empty()) add_field(out, "host", head.host, false);
  add_field(out, "program", head.program, false);
  add_field(out, "pid", std::to_string(head.process), true);
  add_field(out, "severity", head.severity, false);
  if (auto id = id_at(text); !id.empty()) add_field(out, "queue_id", id, false);
  for (const LogPart& part : parts) {
    if (part.begin + part.size > text.size()) continue;
    add_field(out, part.name, text.substr(part.begin, part.size), part.is_number);
  }
  out += ",\"message\":";
  out += cut_string(std::string(prefix) + std::string(text), log_line_bytes_max - out.size() - 1);
  out += '}';
  return out;
}

bool looks_like_queue_id(std::string_view text) {
  return text.size() >= id_bytes_min && text.size() <= id_bytes_max &&
         std::ranges::all_of(text, is_id_character) &&
         std::ranges::any_of(text, [](char c) { return is_digit(c); });
}

std::string_view queue_id_of(std::string_view line) {
  auto json = json_place(line);
  if (json == line.npos) {
    auto begin = text_begin(line);
    return begin == line.npos ? std::string_view() : id_at(line.substr(begin));
  }
  auto at = line.find(id_begin, json);
  if (at == line.npos) return {};
  std::string_view id = line.substr(at + id_begin.size(), id_bytes_max + 1);
  id = id.substr(0, id.find('"'));
  return looks_like_queue_id(id) ? id : std::string_view();
}

std::string_view message_id_of(std::string_view line) {
  constexpr std::string_view text_key = "msgid=<";
  constexpr std::string_view json_key = "\"msgid\":\"<";
  auto json = json_place(line);
  auto begin = json == line.npos ? text_begin(line) : json;
  if (begin == line.npos) return {};
  std::string_view rest = line.substr(begin);
  if (json == line.npos && !rest.substr(0, name_bytes_max).starts_with("user=<") &&
      rest.substr(0, name_bytes_max).find(": user=<") == rest.npos) {
    return {};
  }
  auto key = json == line.npos ? text_key : json_key;
  auto at = rest.find(key);
  if (at == rest.npos) return {};
  rest.remove_prefix(at + key.size() - 1);
  auto end = rest.find('>');
  return end == rest.npos ? std::string_view() : rest.substr(0, end + 1);
}

LogLine parse_log_line(std::string_view line) {
  if (auto json = json_place(line); json != line.npos) return parse_json(line.substr(json));
  LogLine parsed;
  auto begin = text_begin(line);
  if (begin == line.npos) return parsed;
  std::string_view head = line.substr(0, begin - 3);
  head = head.substr(0, head.rfind('['));
  auto tag = head.rfind(' ');
  if (tag == head.npos || tag == 0) return parsed;
  // Before the tag stands the host's name, before that the time.
  auto host = head.rfind(' ', tag - 1);
  if (host == head.npos) return parsed;
  parsed.time = head.substr(0, host);
  parsed.component = component_of(head.substr(tag + 1));
  set_text(parsed, line.substr(begin));
  return parsed;
}

}  // namespace pennypost
