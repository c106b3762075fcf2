// The handler of `notify` and the tests of its methods; the one method is mailto.
//
// A message that is itself a notification or an automatic answer notifies nobody, so that two
// scripts can't keep each other busy.
//
// STANDARDS  RFC 5435, RFC 5436, RFC 6068
// SEE ALSO   notify_uri.h, own_message.h
#include "common/base/text.h"
#include "common/mail/date.h"
#include "store/sieve/field_values.h"
#include "store/sieve/handlers.h"
#include "store/sieve/matching.h"
#include "store/sieve/notify_uri.h"
#include "store/sieve/own_message.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::size_t subject_bytes_max = 998;

std::string first_value(Run& run, std::string_view field) {
  auto bodies = run.message().bodies(field);
  return bodies.empty() ? "" : printable(shown_value(bodies.front()), subject_bytes_max);
}

/// RFC 5436 section 2.2: :message, else the URI's subject, else our own.
std::string subject_of(Run& run, const Command& command, const MailtoUri& uri) {
  auto message = run.text_after(command, Tag::Message);
  if (!message.empty()) return message;
  if (!uri.subject.empty()) return uri.subject;
  return "New mail: " + first_value(run, "Subject");
}

/// RFC 5435 section 3.4: 1 is high, 2 normal, 3 low.
std::string importance_fields(const std::string& level) {
  if (level == "1") return "Importance: high\nX-Priority: 1\n";
  if (level == "3") return "Importance: low\nX-Priority: 5\n";
  return "";
}

Result<std::string> notification(Run& run, const Command& command, const MailtoUri& uri,
                                 const std::string& recipient) {
  const auto& environment = run.environment();
  auto owner = owner_address(environment);
  auto from = run.text_after(command, Tag::From);
  TRY(auto from_value, address_value(from.empty() ? owner : from));
  std::string text = make_field("From", from_value, "\n") + make_field("To", recipient, "\n");
  text += text_field("Subject", subject_of(run, command, uri));
  text +=
      make_field("Date", format_date(environment.in_local_zone(environment.now_seconds())), "\n");
  // RFC 5436 section 2.7.1
  text += make_field("Auto-Submitted", "auto-notified; owner-email=\"" + owner + "\"", "\n");
  text += importance_fields(run.text_after(command, Tag::Importance));
  for (const auto& [name, value] : uri.fields) text += text_field(name, value);
  auto body = uri.body.empty() ? "From: " + first_value(run, "From") +
                                     "\nSubject: " + first_value(run, "Subject") + "\n"
                               : uri.body;
  text += plain_text_body(body);
  if (text.size() > notify_text_bytes_max) {
    return Error::permanent("the notification has more than " +
                            std::to_string(notify_text_bytes_max) + " octets");
  }
  return text;
}

}  // namespace

Result<void> notify(Run& run, const Command& command) {
  TRY(auto uri, parse_mailto(run.text(command.arguments[0])));
  auto submitted = auto_submitted(run.message());
  if (submitted == "auto-notified" || submitted == "auto-replied") return {};
  for (const auto& recipient : uri.recipients) {
    SendMessage message;
    message.recipient = recipient;
    message.is_from_owner = !run.environment().envelope_from().empty();
    TRY(message.text, notification(run, command, uri, recipient));
    TRY_DO(run.add(std::move(message)));
  }
  return {};
}

Result<bool> valid_notify_method(Run& run, const Command& test) {
  for (const auto& uri : test.arguments[0].strings) {
    TRY_DO(run.spend(1));
    if (!parse_mailto(run.text(uri))) return false;
  }
  return true;
}

/// RFC 5435 section 5: the one capability is `online`, and nobody knows who reads mail just now.
Result<bool> notify_method_capability(Run& run, const Command& test) {
  if (!parse_mailto(run.text(test.arguments[0]))) return false;
  if (!equal_nocase(run.text(test.arguments[1]), "online")) return false;
  Matching matching(run, test);
  TRY(bool is_match, matching.value("maybe"));
  if (is_match) return true;
  return matching.end();
}

}  // namespace pennypost::store::sieve
