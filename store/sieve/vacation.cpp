// The handler of `vacation`: whom to answer, and the answer.
//
// Nobody is answered
// - whose message came from the null sender or a program: Auto-Submitted other than no, a field of
//   a mailing list, Precedence bulk, list or junk, X-Auto-Response-Suppress, a sender like
//   owner-list, list-request, mailer-daemon;
// - who is the owner, or wrote to none of the owner's addresses in To, Cc, Bcc and their Resent-
//   forms;
// - who was answered within the period of :days or :seconds.
//
// STANDARDS  RFC 5230 sections 4 and 5, RFC 6131, RFC 3834 section 2
// SEE ALSO   own_message.h
#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/mail/address.h"
#include "common/mail/address_list.h"
#include "common/mail/date.h"
#include "store/sieve/field_values.h"
#include "store/sieve/handlers.h"
#include "store/sieve/own_message.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::uint64_t seconds_of_day = 86'400;
constexpr std::size_t subject_bytes_max = 998;
constexpr std::size_t references_bytes_max = 900;

std::string folded_address(const std::string& text) {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  return address ? address->folded_key() : lower(text);
}

/// RFC 5230 section 4.6 and the customs of list software.
bool is_program(const std::string& sender) {
  auto local = sender.substr(0, sender.rfind('@'));
  for (std::string_view name : {"mailer-daemon", "listserv", "majordomo", "postmaster", "root",
                                "noreply", "no-reply", "donotreply", "do-not-reply"}) {
    if (local == name) return true;
  }
  return local.starts_with("owner-") || local.ends_with("-owner") || local.ends_with("-request") ||
         local.ends_with("-bounces") || local.ends_with("-relay") || local.ends_with("-noreply");
}

bool is_from_list_or_program(const EditedMessage& message) {
  for (std::string_view name : {"List-Id", "List-Help", "List-Subscribe", "List-Unsubscribe",
                                "List-Post", "List-Owner", "List-Archive"}) {
    if (message.has(name)) return true;
  }
  for (auto body : message.bodies("Precedence")) {
    auto value = lower(shown_value(body));
    if (value == "bulk" || value == "list" || value == "junk") return true;
  }
  for (auto body : message.bodies("X-Auto-Response-Suppress")) {
    auto kinds = lower(shown_value(body));
    for (auto word : words(kinds, " ,")) {
      if (word == "all" || word == "oof" || word == "autoreply") return true;
    }
  }
  auto submitted = auto_submitted(message);
  return !submitted.empty() && submitted != "no";
}

/// RFC 5230 section 4.5: only a message that names the owner is answered.
bool names_one_of(const EditedMessage& message, const std::set<std::string>& own) {
  for (std::string_view name : {"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"}) {
    for (auto body : message.bodies(name)) {
      for (const auto& listed : parse_address_list(unfold(body))) {
        if (listed.kind == ListedAddress::Kind::Mailbox && listed.mailbox &&
            own.contains(folded_address(listed.text()))) {
          return true;
        }
      }
    }
  }
  return false;
}

std::set<std::string> own_addresses(Run& run, const Command& command) {
  std::set<std::string> own{folded_address(run.environment().envelope_to()),
                            folded_address(run.environment().original_to())};
  for (const auto& address : run.environment().owner_addresses()) {
    own.insert(folded_address(address));
  }
  if (const auto* given = command.find(Tag::Addresses)) {
    for (const auto& string : given->strings) {
      for (const auto& listed : parse_address_list(run.text(string))) {
        if (listed.mailbox) own.insert(folded_address(listed.text()));
      }
    }
  }
  own.erase("");
  return own;
}

/// RFC 5230 section 4.1 and RFC 6131 section 2: 0 seconds, if the host allows so few, answer every
/// message.
std::uint64_t period_seconds(Run& run, const Command& command) {
  const auto& limits = run.limits();
  auto wanted = limits.vacation_seconds_default;
  if (const auto* seconds = command.find(Tag::Seconds)) {
    wanted = seconds->number;
  } else if (const auto* days = command.find(Tag::Days)) {
    wanted = std::min(days->number, remember_seconds_max) * seconds_of_day;
  }
  auto most = std::max(limits.vacation_seconds_min, limits.vacation_seconds_max);
  return std::clamp(wanted, limits.vacation_seconds_min, most);
}

/// RFC 5230 section 4.2: without a handle the answer itself tells which answer it is.
std::string memory_key(Run& run, const Command& command, const std::string& sender) {
  Sha256 sha;
  auto add_text = [&sha](const std::string& text) {
    sha.add(std::to_string(text.size()) + ":");
    sha.add(text);
  };
  if (command.has(Tag::Handle)) {
    add_text("handle");
    add_text(run.text_after(command, Tag::Handle));
  } else {
    add_text("answer");
    add_text(command.arguments[0].strings[0].text);
    add_text(run.text_after(command, Tag::Subject));
    add_text(run.text_after(command, Tag::From));
    add_text(command.has(Tag::Mime) ? "mime" : "");
  }
  return "vacation:" + hex_encode(sha.finish()) + ":" + sender;
}

std::string subject_of(Run& run, const Command& command) {
  if (command.has(Tag::Subject)) return run.text_after(command, Tag::Subject);
  auto bodies = run.message().bodies("Subject");
  auto subject = bodies.empty() ? "" : shown_value(bodies.front());
  return subject.empty() ? "Automated reply" : "Auto: " + printable(subject, subject_bytes_max);
}

/// RFC 5322 section 3.6.4
std::string thread_fields(const EditedMessage& message) {
  auto ids = message.bodies("Message-ID");
  auto id = ids.empty() ? "" : printable(shown_value(ids.front()), references_bytes_max);
  if (id.empty()) return "";
  auto earlier = message.bodies("References");
  auto references =
      earlier.empty() ? "" : printable(shown_value(earlier.front()), references_bytes_max);
  return make_field("In-Reply-To", id, "\n") +
         make_field("References", references.empty() ? id : references + " " + id, "\n");
}

Result<std::string> answer(Run& run, const Command& command, const std::string& sender) {
  const auto& environment = run.environment();
  auto from = run.text_after(command, Tag::From);
  TRY(auto from_value, address_value(from.empty() ? owner_address(environment) : from));
  std::string text = make_field("From", from_value, "\n") + make_field("To", sender, "\n");
  text += text_field("Subject", subject_of(run, command));
  text +=
      make_field("Date", format_date(environment.in_local_zone(environment.now_seconds())), "\n");
  text += thread_fields(run.message());
  text += "Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk\n";
  auto reason = run.text(command.arguments[0]);
  if (reason.size() > vacation_text_bytes_max) {
    return Error::permanent("the answer has more than " + std::to_string(vacation_text_bytes_max) +
                            " octets");
  }
  if (!command.has(Tag::Mime)) return text + plain_text_body(reason);
  TRY(auto entity, written_entity(reason));
  if (!HeaderFields(entity).has("MIME-Version")) text += "MIME-Version: 1.0\n";
  return text + entity;
}

}  // namespace

Result<void> vacation(Run& run, const Command& command) {
  TRY_DO(run.note_vacation());
  auto sender = run.environment().envelope_from();
  auto folded = folded_address(sender);
  auto own = own_addresses(run, command);
  bool is_answered = !sender.empty() && !is_program(folded) && !own.contains(folded) &&
                     !is_from_list_or_program(run.message()) && names_one_of(run.message(), own);
  if (!is_answered) return {};
  auto key = memory_key(run, command, folded);
  auto period = period_seconds(run, command);
  if (period > 0 && run.environment().is_remembered(key)) return {};
  SendMessage message;
  message.recipient = sender;
  message.is_vacation = true;
  TRY(message.text, answer(run, command, sender));
  TRY_DO(run.add(std::move(message)));
  if (period > 0) run.remember(std::move(key), period);
  return {};
}

}  // namespace pennypost::store::sieve
