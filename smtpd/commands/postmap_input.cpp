#include "smtpd/commands/postmap_input.h"

#include <iostream>

#include "smtpd/commands/message_keys.h"

namespace pennypost::smtp {
namespace {

/// A message that was saved may have CRLF; the daemons look at one with LF.
std::string with_lf(std::string_view text) {
  std::string message;
  message.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') message += text[i];
  }
  return message;
}

}  // namespace

Result<std::string> standard_input(std::size_t bytes_max) {
  std::string text;
  std::string piece(1 << 16, '\0');
  do {
    std::cin.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    text.append(piece, 0, static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > bytes_max) {
      return Error::permanent("standard input: more than " + std::to_string(bytes_max) + " bytes");
    }
  } while (std::cin);
  return text;
}

Result<void> each_key(const TableCall& call, std::size_t field_bytes_max,
                      const std::function<Result<void>(std::string_view key)>& use) {
  if (call.key != "-") return use(call.key);
  if (call.keys_of.header || call.keys_of.body) {
    TRY(auto text, standard_input(query_message_bytes_max));
    return each_key_of_message(with_lf(text), call.keys_of, field_bytes_max, use);
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.ends_with('\r')) line.pop_back();
    TRY_DO(use(line));
  }
  return {};
}

}  // namespace pennypost::smtp
