// One mail transaction of an SmtpClient: the commands that it consists of, and how far it is.
//
// For smtp_prepare.cpp, which makes it, and smtp_transaction.cpp, which sends it.
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
  std::vector<std::pair<Slot*, std::string>> recipients;  // with their RCPT command
  std::optional<MessageSource> converted;
  MessageSource* source = nullptr;

  std::size_t sent = 0;  // of the commands: MAIL, each RCPT, DATA
  bool is_refused = false;
  std::vector<Slot*> accepted;

  std::size_t commands() const { return recipients.size() + 2; }
  std::string_view command(std::size_t number) const {
    if (number == 0) return mail_command;
    return number + 1 == commands() ? std::string_view("DATA") : recipients[number - 1].second;
  }
};

}  // namespace pennypost::smtp
