// One mail transaction of an SmtpClient: its commands, and how far it has got.
//
// smtp_prepare.cpp builds it, and smtp_transaction.cpp sends it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smtpd/delivery/smtp_client.h"

namespace pennypost::smtp {

struct SmtpClient::Mail {
  Mail() = default;
  const Envelope* envelope = nullptr;
  bool uses_smtputf8 = false;
  std::string mail_command;
  std::vector<std::pair<Slot*, std::string>> recipients;  // each with its RCPT command
  std::optional<MessageSource> converted;
  MessageSource* source = nullptr;
  std::optional<std::uint64_t> declared_octets;  // where there is no source yet

  std::size_t sent = 0;  // how many of the commands MAIL, each RCPT, DATA
  bool is_refused = false;
  std::vector<Slot*> accepted;

  /// The size to declare; nothing if it is not known.
  std::optional<std::uint64_t> octets() const {
    if (converted) return converted->octets();
    return source != nullptr ? source->octets() : declared_octets;
  }
  std::size_t commands() const { return recipients.size() + 2; }
  std::string_view command(std::size_t number) const {
    if (number == 0) return mail_command;
    return number + 1 == commands() ? std::string_view("DATA") : recipients[number - 1].second;
  }
};

}  // namespace pennypost::smtp
