#include "smtpd/migration/sendmail_source.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/net/address.h"

namespace pennypost::smtp {
namespace {

/// sysexits(3)' names, which Sendmail allows for a code, with what they mean to SMTP.
struct CodeName {
  std::string_view name;
  int code;
  std::string_view status;
};
constexpr std::array code_names{
    CodeName{"config", 554, "5.3.5"},   CodeName{"nohost", 550, "5.1.2"},
    CodeName{"nouser", 550, "5.1.1"},   CodeName{"protocol", 554, "5.5.0"},
    CodeName{"tempfail", 450, "4.3.0"}, CodeName{"unavailable", 553, "5.3.0"},
    CodeName{"usage", 554, "5.5.2"}};

std::string_view take_word(std::string_view& rest, char separator) {
  auto end = rest.find(separator);
  auto word = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return word;
}

/// The code that `text` begins with; 0: none.
int take_code(std::string_view& text) {
  bool is_code = text.size() >= 3 && (text[0] == '4' || text[0] == '5') && is_digit(text[1]) &&
                 is_digit(text[2]) && (text.size() == 3 || is_space(text[3]));
  if (!is_code) return 0;
  int code = static_cast<int>(*parse_number(text.substr(0, 3)));
  text = trim(text.substr(3));
  return code;
}

bool is_status(std::string_view text) {
  auto parts = split(text, '.');
  return parts.size() == 3 && (parts[0] == "4" || parts[0] == "5") &&
         std::ranges::all_of(parts, [](auto part) {
           return !part.empty() && part.size() <= 3 && std::ranges::all_of(part, is_digit);
         });
}

std::string_view without_quotes(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = trim(text.substr(1, text.size() - 2));
  }
  return text;
}

template <class Use>
void each_line(std::string_view text, Use use) {
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    use(take_word(text, '\n'), number);
  }
}

}  // namespace

std::vector<SendmailEntry> sendmail_entries(std::string_view text) {
  std::vector<SendmailEntry> entries;
  each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.starts_with('#')) return;
    line = trim(line);
    std::size_t end = 0;
    while (end < line.size() && !is_space(line[end])) ++end;
    if (end == 0) return;
    entries.push_back(
        {std::string(line.substr(0, end)), std::string(trim(line.substr(end))), number});
  });
  return entries;
}

std::vector<SendmailEntry> sendmail_names(std::string_view text) {
  std::vector<SendmailEntry> names;
  each_line(text, [&](std::string_view line, std::size_t number) {
    line = trim(line.substr(0, line.find('#')));
    for (auto word : words(line, " \t\r")) names.push_back({std::string(word), "", number});
  });
  return names;
}

SendmailError parse_sendmail_error(std::string_view text) {
  SendmailError error;
  text = without_quotes(text);
  auto rest = text;
  auto first = take_word(rest, ':');
  if (is_status(first)) {
    error.status = first;
    text = without_quotes(rest);
  }
  if (int code = take_code(text); code != 0) {
    error.code = code;
  } else {
    rest = text;
    auto word = trim(take_word(rest, ' '));
    auto named = std::ranges::find(code_names, lower(word), &CodeName::name);
    if (named != code_names.end()) {
      error.code = named->code;
      if (error.status.empty()) error.status = named->status;
      text = trim(rest);
      if (int other = take_code(text); other != 0) error.code = other;
    } else if (!error.status.empty()) {
      error.code = error.status[0] == '4' ? 450 : 550;
    }
  }
  char kind = error.code < 500 ? '4' : '5';
  if (!error.status.empty() && error.status[0] != kind) error.status.clear();
  error.text = without_quotes(text);
  return error;
}

bool is_bare_error(std::string_view value) {
  value = without_quotes(value);
  return take_code(value) != 0;
}

std::string SendmailError::for_access() const {
  std::string value = std::to_string(code);
  if (!status.empty()) value += " " + status;
  if (!text.empty()) value += " " + text;
  return value;
}

std::string SendmailError::for_transport() const {
  std::string value = "error:" + (status.empty() ? (code < 500 ? "4.0.0" : "5.0.0") : status);
  return value + " " + (text.empty() ? "mail for this address is refused" : text);
}

bool is_written_as_network(std::string_view name) {
  return starts_with_nocase(name, "IPv6:") ||
         (!name.empty() &&
          std::ranges::all_of(name, [](char c) { return is_digit(c) || c == '.'; }));
}

std::optional<std::string> network_of(std::string_view key) {
  if (starts_with_nocase(key, "IPv6:")) {
    auto text = key.substr(5);
    if (auto address = IpAddress::parse(text); address && address->is_v6()) return address->text();
    auto groups = split(text, ':');
    if (groups.size() >= 8 || text.find("::") != text.npos) return {};
    auto network = IpAddress::parse(std::string(text) + "::");
    if (!network) return {};
    return network->text() + "/" + std::to_string(16 * groups.size());
  }
  while (key.ends_with('.')) key.remove_suffix(1);
  auto parts = split(key, '.');
  bool is_right = parts.size() <= 4 && std::ranges::all_of(parts, [](auto part) {
                    auto number = parse_number(part);
                    return number && *number <= 255;
                  });
  return is_right ? std::optional(std::string(key)) : std::nullopt;
}

std::string domain_as_written(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return lower(name);
}

bool looks_like_domain(std::string_view name) {
  return !name.empty() && !name.starts_with('[') && Domain::parse(name, Utf8::Allowed).has_value();
}

}  // namespace pennypost::smtp
