// Checks constants before a script is run.
#include "store/sieve/argument_checks.h"

#include <algorithm>
#include <array>
#include <functional>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/address_list.h"
#include "common/mail/header.h"
#include "common/mail/unicode.h"
#include "store/sieve/date_parts.h"
#include "store/sieve/flag_list.h"
#include "store/sieve/limits.h"
#include "store/sieve/notify_uri.h"
#include "store/sieve/program_name.h"
#include "store/sieve/script.h"
#include "store/sieve/variable_text.h"

namespace pennypost::store::sieve {
namespace {

using Rule = std::function<std::string(const std::string& text)>;

/// Tells what `rule` says of each constant string; it says nothing if the string is right.
void each_constant(Checking& checking, const Argument& argument, const Rule& rule) {
  for (const auto& string : argument.strings) {
    if (string.has_variables) continue;
    auto trouble = rule(string.text);
    if (!trouble.empty()) checking.wrong(string.at, trouble);
  }
}

void each_constant(Checking& checking, const Command& command, Tag tag, const Rule& rule) {
  if (const auto* argument = command.find(tag)) each_constant(checking, *argument, rule);
}

std::string shown(const std::string& text) { return "\"" + printable(text, 100) + "\""; }

std::string field_name_trouble(const std::string& name) {
  if (is_field_name(name)) return "";
  return shown(name) + " is no name of a header field: printable US-ASCII without blanks and colon";
}

std::string address_trouble(const std::string& text) {
  auto parsed = MailAddress::parse(text, Utf8::Allowed);
  if (!parsed) return shown(text) + " is no mail address: " + parsed.error().text();
  if (!parsed->domain())
    return shown(text) + " is no mail address: it needs a domain, @example.org";
  return "";
}

/// For `"Ann" <ann@example.org>` and bare addresses.
std::string address_list_trouble(const std::string& text) {
  auto listed = parse_address_list(text);
  if (listed.size() != 1) return shown(text) + " must be one mail address";
  auto address = listed[0].address();
  if (!address) return shown(text) + " is no mail address: " + address.error().text();
  if (!address->domain())
    return shown(text) + " is no mail address: it needs a domain, @example.org";
  return "";
}

/// RFC 5228 section 5.1: the test is for fields that hold addresses.
constexpr auto address_fields = std::to_array<std::string_view>({
    "abuse-reports-to",
    "apparently-to",
    "bcc",
    "cc",
    "delivered-to",
    "disposition-notification-to",
    "envelope-from",
    "envelope-to",
    "errors-to",
    "for-approval",
    "for-comment",
    "for-handling",
    "from",
    "mail-followup-to",
    "mail-reply-to",
    "read-receipt-to",
    "registered-mail-reply-requested-by",
    "reply-to",
    "resent-bcc",
    "resent-cc",
    "resent-from",
    "resent-reply-to",
    "resent-sender",
    "resent-to",
    "return-path",
    "return-receipt-requested",
    "return-receipt-to",
    "sender",
    "to",
    "x-admin",
    "x-beenthere",
    "x-complaints-to",
    "x-confirm-reading-to",
    "x-envelope-from",
    "x-envelope-to",
    "x-original-from",
    "x-original-to",
    "x-report-abuse-to",
});
static_assert(std::ranges::is_sorted(address_fields), "check_address() searches by halves");

void check_index(Checking& checking, const Command& command) {
  const auto* index = command.find(Tag::Index);
  if (index != nullptr && index->number == 0) {
    checking.wrong(index->at, "fields are counted from 1: :index 0 is none");
  }
  if (command.has(Tag::Last) && index == nullptr) {
    checking.wrong(command.at, ":last counts :index from the end, and needs it");
  }
}

void check_mime_tags(Checking& checking, const Command& command) {
  bool has_part_tag = command.has(Tag::AnyChild) || command.of_group(TagGroup::MimePart);
  if (has_part_tag && !command.has(Tag::Mime)) {
    checking.wrong(command.at, ":anychild, :type, :subtype, :contenttype and :param need :mime");
  }
}

void check_variable_name(Checking& checking, const Text& name) {
  if (name.has_variables || !is_variable_name(name.text)) {
    checking.wrong(name.at, shown(name.text) +
                                " is no name of a variable: a letter or _, then "
                                "letters, digits and _");
  } else if (name.text.size() > variable_name_bytes_max) {
    checking.wrong(name.at, "a variable's name has at most " +
                                std::to_string(variable_name_bytes_max) + " letters");
  } else if (name.text.find('.') != std::string::npos &&
             !(starts_with_nocase(name.text, "global.") &&
               checking.script().extensions.has(Extension::Include))) {
    checking.wrong(name.at,
                   "variables of the namespace in " + shown(name.text) + " can't be set here");
  }
}

std::string mailbox_trouble(const std::string& name) {
  if (name.empty()) return "a mailbox's name must not be empty";
  if (!is_utf8(name)) return "a mailbox's name must be UTF-8";
  return "";
}

}  // namespace

void Checking::wrong(Position at, std::string text) {
  if (mistakes_.size() < mistakes_max) mistakes_.push_back({at, std::move(text)});
}

void check_address(Checking& checking, Command& command) {
  check_index(checking, command);
  check_mime_tags(checking, command);
  each_constant(checking, command.arguments[0], [](const std::string& name) -> std::string {
    if (std::ranges::binary_search(address_fields, lower(name))) return "";
    return "the field " + shown(name) + " holds no addresses; test it with header";
  });
}

void check_break(Checking& checking, Command& command) {
  if (checking.loops == 0) checking.wrong(command.at, "break must stand within a foreverypart");
}

void check_date(Checking& checking, Command& command) {
  check_index(checking, command);
  std::size_t part = command.arguments.size() - 2;
  if (part == 1) each_constant(checking, command.arguments[0], field_name_trouble);
  each_constant(checking, command.arguments[part], [](const std::string& name) -> std::string {
    if (is_date_part(name)) return "";
    return shown(name) + " is no part of a date; there are " + date_part_names();
  });
  each_constant(checking, command, Tag::Zone, [](const std::string& zone) -> std::string {
    if (parse_zone(zone)) return "";
    return shown(zone) + " is no time zone; write +hhmm or -hhmm, as in +0100";
  });
}

void check_duplicate(Checking& checking, Command& command) {
  each_constant(checking, command, Tag::Header, field_name_trouble);
}

void check_envelope(Checking& checking, Command& command) {
  each_constant(checking, command.arguments[0], [](const std::string& part) -> std::string {
    auto name = lower(part);
    for (std::string_view known : {"from", "to", "orig_to", "auth"}) {
      if (name == known) return "";
    }
    return shown(part) + " is no part of the envelope; there are from, to, orig_to and auth";
  });
}

void check_extract(Checking& checking, Command& command) {
  if (!checking.script().extensions.has(Extension::Variables)) {
    checking.wrong(command.at, "extracttext sets a variable, and needs require \"variables\"");
  }
  if (checking.loops == 0) {
    checking.wrong(command.at, "extracttext must stand within a foreverypart");
  }
  check_variable_name(checking, command.arguments[0].strings[0]);
}

void check_fields(Checking& checking, Command& command) { check_mime_tags(checking, command); }

void check_fileinto(Checking& checking, Command& command) {
  each_constant(checking, command.arguments[0], mailbox_trouble);
  each_constant(checking, command, Tag::SpecialUse, [](const std::string& use) -> std::string {
    if (is_flag(use) && use.starts_with('\\')) return "";
    return shown(use) + " is no special use; write one like \\\\Junk";
  });
}

void check_flags(Checking& checking, Command& command) {
  const auto& variable = command.arguments[0];
  if (variable.is_given() && !checking.script().extensions.has(Extension::Variables)) {
    checking.wrong(variable.at, command.row->name.data() +
                                    std::string(" with a variable needs require \"variables\""));
  } else if (variable.is_given()) {
    for (const auto& name : variable.strings) check_variable_name(checking, name);
  }
  if (command.row->is_test()) return;
  each_constant(checking, command.arguments[1], [](const std::string& flags) -> std::string {
    for (auto flag : words(flags, " ")) {
      if (!is_flag(flag)) {
        return shown(std::string(flag)) +
               " is no flag; there are \\\\Seen, \\\\Answered, \\\\Flagged, \\\\Deleted, \\\\Draft "
               "and keywords";
      }
    }
    return "";
  });
}

void check_global(Checking& checking, Command& command) {
  if (!checking.script().extensions.has(Extension::Variables)) {
    checking.wrong(command.at, "global needs require \"variables\"");
  }
  if (!checking.is_before_all_actions) {
    checking.wrong(command.at, "global must stand before all commands but require");
  }
  for (const auto& name : command.arguments[0].strings) check_variable_name(checking, name);
}

void check_header(Checking& checking, Command& command) {
  check_index(checking, command);
  check_fields(checking, command);
}

void check_ihave(Checking& checking, Command& command) {
  for (const auto& wanted : command.arguments[0].strings) {
    if (wanted.has_variables) {
      checking.wrong(wanted.at, "ihave takes constant strings, without variables");
      continue;
    }
    if (!can_be_had(wanted.text, checking.script().extensions, checking.script().offered)) continue;
    auto extension = find_extension(wanted.text);
    if (*extension != Extension::None) checking.script().extensions.add(*extension);
  }
}

void check_include(Checking& checking, Command& command) {
  const auto& name = command.arguments[0].strings[0];
  if (name.has_variables) checking.wrong(name.at, "include takes a constant name");
  if (name.text.empty() || !is_utf8(name.text) || name.text.find('/') != std::string::npos) {
    checking.wrong(name.at, "a script's name is UTF-8 and not empty, without \"/\"");
  }
}

void check_new_field(Checking& checking, Command& command) {
  each_constant(checking, command.arguments[0], field_name_trouble);
}

void check_notify(Checking& checking, Command& command) {
  each_constant(checking, command.arguments[0], [](const std::string& uri) -> std::string {
    auto parsed = parse_mailto(uri);
    return parsed ? "" : parsed.error().text();
  });
  each_constant(checking, command, Tag::Importance, [](const std::string& level) -> std::string {
    if (level == "1" || level == "2" || level == "3") return "";
    return "there is no importance " + shown(level) + "; there are \"1\" (high), \"2\" and \"3\"";
  });
  each_constant(checking, command, Tag::From, address_list_trouble);
}

void check_old_field(Checking& checking, Command& command) {
  check_index(checking, command);
  each_constant(checking, command.arguments[0], field_name_trouble);
}

void check_program(Checking& checking, Command& command) {
  const auto& name = command.arguments[0].strings[0];
  if (name.has_variables) checking.wrong(name.at, "a program's name is constant");
  auto trouble = program_name_trouble(name.text);
  if (!trouble.empty()) checking.wrong(name.at, trouble);
  const auto& arguments = command.arguments[1];
  if (arguments.strings.size() > program_arguments_max) {
    checking.wrong(arguments.at, "a program takes at most " +
                                     std::to_string(program_arguments_max) + " arguments");
  }
  each_constant(checking, arguments, program_argument_trouble);
  if (const auto* output = command.find(Tag::Output)) {
    check_variable_name(checking, output->strings[0]);
  }
}

void check_redirect_address(Checking& checking, Command& command) {
  if (command.has(Tag::List)) return;
  each_constant(checking, command.arguments[0], address_trouble);
}

void check_replace(Checking& checking, Command& command) {
  each_constant(checking, command, Tag::From, address_list_trouble);
}

void check_set(Checking& checking, Command& command) {
  check_variable_name(checking, command.arguments[0].strings[0]);
}

void check_size(Checking& checking, Command& command) {
  if (!command.of_group(TagGroup::Size)) checking.wrong(command.at, "size needs :over or :under");
}

void check_vacation(Checking& checking, Command& command) {
  each_constant(checking, command, Tag::From, address_list_trouble);
  each_constant(checking, command, Tag::Addresses, address_list_trouble);
  const auto* addresses = command.find(Tag::Addresses);
  if (addresses != nullptr && addresses->strings.size() > vacation_addresses_max) {
    checking.wrong(addresses->at, ":addresses takes at most " +
                                      std::to_string(vacation_addresses_max) + " addresses");
  }
  const auto& reason = command.arguments[0].strings[0];
  if (reason.text.size() > vacation_text_bytes_max) {
    checking.wrong(reason.at, "the answer has more than " +
                                  std::to_string(vacation_text_bytes_max) + " octets");
  }
}

}  // namespace pennypost::store::sieve
