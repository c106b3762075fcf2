#include "smtpd/queue/verp.h"

#include <algorithm>

#include "common/mail/address.h"

namespace pennypost::smtp {

std::string verp_sender(const std::string& sender, std::string_view delimiters,
                        std::string_view recipient) {
  auto from = MailAddress::parse(sender, Utf8::Allowed);
  if (!from || from->is_null() || delimiters.size() != 2) return sender;
  // A recipient that is no address can't be delivered to, but its report has to go somewhere.
  auto to = MailAddress::parse(recipient, Utf8::Allowed);
  std::string local = from->local() + delimiters[0] + (to ? to->local() : std::string(recipient));
  if (to && to->domain()) local += delimiters[1] + to->domain()->text();
  auto made = from->with_local(local);
  return made ? made->text() : sender;
}

bool are_verp_delimiters(std::string_view text, std::string_view allowed) {
  return text.size() == 2 &&
         std::ranges::all_of(text, [&](char c) { return allowed.find(c) != allowed.npos; });
}

}  // namespace pennypost::smtp
