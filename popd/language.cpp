#include "popd/language.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::pop {
namespace {

constexpr std::size_t tag_bytes_max = 64;

bool is_tag(std::string_view text) {
  auto is_fit = [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; };
  return text.size() <= tag_bytes_max && std::ranges::all_of(text, is_fit) &&
         is_alpha(text.front());
}

}  // namespace

void answer_lang(std::string_view args, Connection& connection, Replies& replies) {
  if (args.empty()) {
    replies.ok("Language listing follows:");
    connection.put("i-default Default language\r\nen English\r\n.\r\n");
  } else if (args == "*" || equal_nocase(args, "i-default")) {
    replies.ok("i-default Replies are in English.");
  } else if (!is_tag(args)) {
    replies.mistake("LANG needs a language's tag such as en, or *.");
  } else if (equal_nocase(args.substr(0, args.find('-')), "en")) {
    replies.ok("en Replies are in English.");
  } else {
    replies.err("There are no replies in " + std::string(args) + ", but in en.");
  }
}

}  // namespace pennypost::pop
