#include "smtpd/delivery/quota_warning.h"

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/mail/date.h"
#include "common/mail/header.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t id_characters = 20;

/// How many percent of a limit are used; 0 if there is none.
std::uint64_t percent_of(std::uint64_t used, const std::optional<std::uint64_t>& limit) {
  if (!limit || *limit == 0) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(used) * 100 / static_cast<double>(*limit));
}

/// The highest limit of this kind that lies above what was used and not above what is; 0: none.
std::uint64_t crossed(const std::vector<QuotaWarning>& warnings, bool is_of_messages,
                      std::uint64_t before, std::uint64_t after) {
  std::uint64_t highest = 0;
  for (const auto& warning : warnings) {
    bool is_crossed = warning.is_of_messages == is_of_messages && before < warning.percent &&
                      after >= warning.percent;
    if (is_crossed && warning.percent > highest) highest = warning.percent;
  }
  return highest;
}

std::string mebibytes(std::uint64_t bytes) {
  auto tenths = bytes * 10 / (1024 * 1024);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

}  // namespace

Result<std::vector<QuotaWarning>> QuotaWarning::parse_all(const std::vector<std::string>& items) {
  std::vector<QuotaWarning> warnings;
  for (std::string_view item : items) {
    auto wrong = Error::permanent("quota_warning: " + printable(item, 60) +
                                  ": expected storage=95% or messages=95%");
    auto equals = item.find('=');
    auto kind = item.substr(0, equals);
    if (equals == std::string_view::npos || !item.ends_with('%')) return wrong;
    if (kind != "storage" && kind != "messages") return wrong;
    auto percent = parse_number(item.substr(equals + 1, item.size() - equals - 2));
    if (!percent || *percent == 0 || *percent > 100) return wrong;
    if (warnings.size() == warnings_max) {
      return Error::permanent("quota_warning: more than " + std::to_string(warnings_max) +
                              " limits");
    }
    warnings.push_back({kind == "messages", *percent});
  }
  return warnings;
}

std::optional<store::AutomaticReply> quota_warning(const Config& config,
                                                   const std::vector<QuotaWarning>& warnings,
                                                   const std::string& address,
                                                   const store::Usage& before,
                                                   const store::Usage& after) {
  auto storage = crossed(warnings, false, percent_of(before.bytes, after.bytes_max),
                         percent_of(after.bytes, after.bytes_max));
  auto messages = crossed(warnings, true, percent_of(before.messages, after.messages_max),
                          percent_of(after.messages, after.messages_max));
  if (storage == 0 && messages == 0) return {};
  auto field = [](std::string_view name, const std::string& body) {
    return make_field(name, body, "\n");
  };
  store::AutomaticReply warning;
  warning.recipient = address;
  std::string& text = warning.text;
  text = field("From", "Mail Delivery System <MAILER-DAEMON@" + config.myorigin + ">");
  text += field("To", "<" + address + ">");
  text +=
      field("Subject", "Your mailbox is " + std::to_string(std::max(storage, messages)) + "% full");
  text += field("Date", format_date(local_date(Clock::system().now_seconds())));
  text += field("Message-ID", "<" + random_text(id_characters) + "@" + config.myhostname + ">");
  text += field("Auto-Submitted", "auto-generated");
  text += "\nThe mailbox of " + address + " holds\n\n";
  if (after.bytes_max) {
    text += "  " + mebibytes(after.bytes) + " of " + mebibytes(*after.bytes_max) + "\n";
  }
  if (after.messages_max) {
    text += "  " + std::to_string(after.messages) + " of " + std::to_string(*after.messages_max) +
            " messages\n";
  }
  text +=
      "\nOnce it is full, no more mail can arrive. Please remove what you no longer need,\n"
      "and empty the trash.\n";
  return warning;
}

}  // namespace pennypost::smtp
