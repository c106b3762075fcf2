// Reads the notations that begin with ${.
#include "store/sieve/variable_text.h"

#include "common/base/text.h"
#include "store/sieve/utf8.h"

namespace pennypost::store::sieve {
namespace {

bool begins_identifier(char c) { return is_alpha(c) || c == '_'; }
bool continues_identifier(char c) { return begins_identifier(c) || is_digit(c); }

/// The size of the identifier at `at`; 0 if there is none.
std::size_t identifier_size(std::string_view text, std::size_t at) {
  std::size_t end = at;
  if (end < text.size() && begins_identifier(text[end])) {
    while (end < text.size() && continues_identifier(text[end])) ++end;
  }
  return end - at;
}

/// What stands between ${ at `begin` and its }.
std::optional<VariableReference> reference_at(std::string_view text, std::size_t begin) {
  VariableReference found;
  found.begin = begin;
  std::size_t at = begin + 2;
  std::size_t digits = at;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  if (digits > at && digits < text.size() && text[digits] == '}') {
    found.number = parse_number(text.substr(at, digits - at)).value_or(std::string::npos);
    found.end = digits + 1;
    return found;
  }
  for (;;) {
    auto size = identifier_size(text, at);
    if (size == 0 || at + size >= text.size()) return std::nullopt;
    auto word = lower(text.substr(at, size));
    at += size;
    if (text[at] == '}') {
      found.name = std::move(word);
      found.end = at + 1;
      return found;
    }
    if (text[at] != '.') return std::nullopt;
    if (!found.space.empty()) found.space += '.';
    found.space += word;
    ++at;
  }
}

/// The octets that `inside` stands for; nothing if it is not an encoded character after all.
Result<std::optional<std::string>> decoded(std::string_view inside) {
  bool is_hex = starts_with_nocase(inside, "hex:");
  if (!is_hex && !starts_with_nocase(inside, "unicode:")) return std::optional<std::string>();
  auto numbers = words(inside.substr(inside.find(':') + 1), " \t\r\n");
  if (numbers.empty()) return std::optional<std::string>();
  std::string out;
  for (auto number : numbers) {
    if (is_hex ? number.size() > 2 : number.size() > 40) return std::optional<std::string>();
    if (!is_hex) {
      auto first = std::min(number.find_first_not_of('0'), number.size() - 1);
      number.remove_prefix(first);
    }
    auto value = hex_number(number);
    if (!value) return std::optional<std::string>();
    if (is_hex) {
      out += static_cast<char>(*value);
    } else if (!is_code_point(*value)) {
      return Error::permanent("there is no character U+" + upper(number) +
                              "; code points go from 0 to 10FFFF without D800 to DFFF");
    } else {
      append_utf8(out, static_cast<std::uint32_t>(*value));
    }
  }
  return std::optional<std::string>(std::move(out));
}

}  // namespace

std::optional<VariableReference> find_variable(std::string_view text, std::size_t from) {
  for (auto at = text.find("${", from); at != std::string_view::npos;
       at = text.find("${", at + 2)) {
    if (auto found = reference_at(text, at)) return found;
  }
  return std::nullopt;
}

bool is_variable_name(std::string_view text) {
  auto found = reference_at("${" + std::string(text) + "}", 0);
  return found && !found->number && found->end == text.size() + 3;
}

Result<std::string> decode_encoded_characters(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
    auto end = text.find('}', at);
    if (end == std::string_view::npos) break;
    TRY(auto replaced, decoded(text.substr(at + 2, end - at - 2)));
    if (!replaced) {
      at += 2;
      continue;
    }
    out += text.substr(done, at - done);
    out += *replaced;
    at = done = end + 1;
  }
  out += text.substr(done);
  return out;
}

}  // namespace pennypost::store::sieve
