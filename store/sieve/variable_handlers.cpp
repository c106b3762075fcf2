// Handlers of `set` and `string`, and the modifiers.
//
// STANDARDS  RFC 5229 sections 4 and 5
#include "common/base/text.h"
#include "store/sieve/handlers.h"
#include "store/sieve/matching.h"
#include "store/sieve/modifiers.h"
#include "store/sieve/run.h"
#include "store/sieve/utf8.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::size_t octets_of_step = 16 * 1024;

std::string quoted(const std::string& value, std::string_view special) {
  std::string out;
  for (char c : value) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// RFC 3986 section 2.3: all but the unreserved characters.
std::string url_encoded(const std::string& value) {
  std::string out;
  for (char c : value) {
    if (is_alnum(c) || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      add(out, '%', upper(hex_encode({&c, 1})));
    }
  }
  return out;
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (char c : text) count += continues_character(c) ? 0 : 1;
  return count;
}

}  // namespace

std::string modified(const Command& command, std::string value) {
  if (command.has(Tag::Lower)) value = lower(value);
  if (command.has(Tag::Upper)) value = upper(value);
  if (command.has(Tag::LowerFirst) && !value.empty()) value[0] = to_lower(value[0]);
  if (command.has(Tag::UpperFirst) && !value.empty()) value[0] = to_upper(value[0]);
  if (command.has(Tag::QuoteWildcard)) value = quoted(value, "*?\\");
  if (command.has(Tag::QuoteRegex)) value = quoted(value, "*?\\.[]^$(){}|+");
  if (command.has(Tag::EncodeUrl)) value = url_encoded(value);
  if (command.has(Tag::Length)) value = std::to_string(characters(value));
  return value;
}

Result<void> set(Run& run, const Command& command) {
  auto value = run.text(command.arguments[1]);
  TRY_DO(run.spend(value.size() / octets_of_step));
  return run.set_variable(command.arguments[0].strings[0].text,
                          modified(command, std::move(value)));
}

Result<bool> string(Run& run, const Command& test) {
  Matching matching(run, test);
  for (const auto& source : test.arguments[0].strings) {
    auto value = run.text(source);
    // RFC 5229 section 5: :count counts the strings that are not empty.
    if (test.match.type == MatchType::Count && value.empty()) continue;
    TRY(bool is_match, matching.value(value));
    if (is_match) return true;
  }
  return matching.end();
}

}  // namespace pennypost::store::sieve
