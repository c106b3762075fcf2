#include "common/config/manual.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/base/text.h"
#include "common/config/kinds.h"
#include "common/config/parameter.h"
#include "common/config/topics.h"

namespace pennypost {
namespace {

/// The range of a row as a sentence; empty if it is of no use to readers.
std::string range_text(const Parameter& parameter) {
  const Range& range = parameter.range;
  if (parameter.kind == "Choice") {
    std::vector<std::string> choices;
    for (std::string_view choice : split(range.choices, '|')) choices.emplace_back(choice);
    return "One of: " + join(choices, ", ") + ".";
  }
  if (parameter.kind == "Flag") return "yes or no.";
  if (parameter.kind == "Duration") {
    return "A time between " + duration_text(std::chrono::seconds(range.min)) + " and " +
           duration_text(std::chrono::seconds(range.max)) + ".";
  }
  if (!parameter.measure.empty()) {
    return "A " + std::string(parameter.measure) + " between " + std::to_string(range.min) +
           " and " + std::to_string(range.max) + ".";
  }
  return "";
}

std::string services_text(const Parameter& parameter) {
  std::vector<std::string> names;
  for (std::size_t s = 0; s < service_count; ++s) {
    if ((parameter.services & bit(static_cast<Service>(s))) != 0)
      names.emplace_back(service_names[s]);
  }
  return names.empty() ? "" : "Per service: " + join(names, ", ") + ".";
}

/// Text for a roff line: backslashes are doubled, and a dot or quote at the beginning is escaped.
std::string roff(std::string_view text) {
  std::string result;
  if (text.starts_with('.') || text.starts_with('\'')) result += "\\&";
  for (char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

std::string restrictions_section() {
  std::string result =
      ".SH RESTRICTIONS\nThe items of smtpd_*_restrictions, evaluated from left to right until one "
      "permits or refuses.\n";
  auto add = [&](std::string_view name, std::string_view argument, std::string_view meaning) {
    result +=
        ".TP\n\\fB" + roff(name) + "\\fR" + std::string(argument) + "\n" + roff(meaning) + "\n";
  };
  constexpr std::string_view None, Table = " TYPE:TABLE", Domain = " DOMAIN", Seconds = " SECONDS",
                                   Class = " NAME", Server = " SERVER";
#define RESTRICTION(name, argument, stage, meaning) add(#name, argument, meaning);
#include "common/config/restrictions.def"
  return result;
}

/// What [service.NAME] and [transport.NAME] may hold.
std::string sections_section() {
  std::string result =
      ".SH SECTIONS\nA section stands at the end of main.toml, below the settings of the host.\n";
  auto add = [&](std::string_view title, std::string_view meaning) {
    result += ".TP\n\\fB" + roff(title) + "\\fR\n" + roff(meaning) + "\n";
  };
  add("[service.submission]",
      "The values of one service: smtp, submission, submissions, pop3, "
      "pop3s, imap, imaps.");
  add("[service.NAME]",
      "Another service, with kind = smtp, submission, submissions or lmtp, and any setting that "
      "may differ per service, such as inet_interfaces. It listens on its port, on a Unix socket "
      "(socket = /path, with mode, user and group as in Dovecot's unix_listener), or on both. It "
      "has the defaults of its kind, and nothing of the section of that kind.");
  add("kind = lmtp",
      "Takes mail for mailboxes and aliases of this host alone, on port 24 of localhost unless it "
      "says otherwise, and answers for each recipient once its delivery has been tried: 250 if it "
      "has the mail, else 4xx or 5xx, and then the client keeps or returns it. content_filter, "
      "mailauth_checks, smtpd_proxy_filter and smtpd_sasl_auth_enable are its own, and not the "
      "host's.");
  add("[transport.NAME]",
      "A transport to be named in transport_maps, default_transport, content_filter and the like. "
      "kind is one of smtp, relay, lmtp, pipe, local, virtual, error, retry, discard. smtp and "
      "relay "
      "take the client's smtp_ settings, lmtp its lmtp_ settings; all take "
      "destination_concurrency_limit, "
      "destination_recipient_limit, initial_destination_concurrency, "
      "destination_concurrency_failed_cohort_limit, destination_rate_delay and "
      "transport_rate_delay.");
  add("kind = pipe",
      "Runs argv as user (or user:group), with the message on its standard input. argv is a list, "
      "or "
      "a text with blanks between arguments and {an argument} in braces; its macros are ${sender}, "
      "${nexthop}, ${size}, ${queue_id}, ${client_address}, ${client_helo}, ${client_hostname}, "
      "${client_protocol}, ${sasl_method}, ${sasl_username}, and, for each recipient once, "
      "${recipient}, ${original_recipient}, ${user}, ${extension}, ${mailbox}, ${domain}. Further "
      "keys are directory, eol, flags (of B D F O R X h q u . >), null_sender, size, time_limit.");
  return result;
}

std::string tables_section() {
  std::string result =
      ".SH TABLES\nA table is written TYPE:/path, or TYPE:text where the text is described. A file "
      "of "
      "settings is read again when it changes; what a server can't answer is tried again later.\n";
#define TABLE_TYPE(name, follows, takes_partial_keys, meaning) \
  result += ".TP\n\\fB" #name ":\\fR\n" + roff(meaning) + "\n";
#include "common/config/table_types.def"
  return result;
}

/// A setting with its defaults, its meaning and its range.
std::string setting_entry(const Parameter& parameter) {
  std::string text(parameter.default_text);
  std::string result = ".TP\n\\fB" + roff(parameter.name) +
                       "\\fR (default: " + (text.empty() ? "empty" : roff(text)) + ")\n" +
                       roff(parameter.description) + "\n";
  for (Role role : {Role::NullClient, Role::Relay, Role::Destination}) {
    if (auto other = role_default(role, parameter.name)) {
      result += roff("Role " + std::string(name_of(role)) + ": " +
                     (other->empty() ? "empty" : std::string(*other)) + ".") +
                "\n";
    }
  }
  for (std::size_t s = 0; s < service_count; ++s) {
    if (auto other = service_default(static_cast<Service>(s), parameter.name)) {
      result +=
          roff("Service " + std::string(service_names[s]) + ": " + std::string(*other) + ".") +
          "\n";
    }
  }
  for (const std::string& sentence : {range_text(parameter), services_text(parameter)}) {
    if (!sentence.empty()) result += roff(sentence) + "\n";
  }
  return result;
}

}  // namespace

std::string manual_page() {
  std::string result =
      ".TH PARAMETERS 5 \"\" \"Pennypost " PENNYPOST_VERSION
      "\"\n.SH NAME\nparameters \\- settings of Pennypost, in main.toml\n"
      ".SH DESCRIPTION\nEach setting is a line \\fBname = \"value\"\\fR in main.toml, or in "
      "a "
      "section \\fB[service.NAME]\\fR for one service.\nLists are written as \\fB[\"a\", "
      "\"b\"]\\fR or "
      "as \\fB\"a, b\"\\fR. $name means the value of another setting.\n.SH SETTINGS\n";
  for (const Topic& topic : topics()) {
    result += ".SS \"" + roff(topic.title) + "\"\n";
    for (const Parameter* parameter : settings_of(topic)) result += setting_entry(*parameter);
  }
  result += sections_section() + restrictions_section() + tables_section();
  return result;
}

}  // namespace pennypost
