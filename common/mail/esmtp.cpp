#include "common/mail/esmtp.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost {
namespace {

struct Parameter {
  std::string keyword;  // in upper case
  std::optional<std::string_view> value;
};

/// `FROM:<path> KEYWORD=value ...` split into its pieces, which are not checked yet.
struct Arguments {
  std::string_view path;
  std::vector<Parameter> parameters;
};

/// Where a path ends: after a > outside of quoted strings, or before a blank if it has no <.
std::size_t path_end(std::string_view text) {
  bool bracketed = text.starts_with('<');
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (bracketed ? c == '>' : is_blank(c))) {
      return bracketed ? i + 1 : i;
    }
  }
  return text.size();
}

bool is_keyword(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}

/// RFC 5321 section 4.1.2, esmtp-value; with RFC 6531 section 3.3 also UTF-8.
bool is_value(std::string_view text) {
  return !text.empty() &&
         std::ranges::none_of(text, [](char c) { return is_control(c) || c == ' ' || c == '='; });
}

/// Postfix's XVERP=+= has a value that no other extension may have.
bool is_verp(std::string_view keyword, std::string_view value) {
  return keyword == "XVERP" && value.size() == 2 &&
         std::ranges::none_of(value, [](char c) { return is_control(c) || !is_ascii(c); });
}

Result<Arguments> parse_arguments(std::string_view text, std::string_view prefix) {
  Error bad(501, "5.5.4",
            "Syntax: " + std::string(prefix == "FROM:" ? "MAIL " : "RCPT ") + std::string(prefix) +
                "<address>");
  text = trim(text);
  if (!starts_with_nocase(text, prefix)) return bad;
  text.remove_prefix(prefix.size());
  // A blank here violates RFC 5321 section 3.3, but many clients send it, and people type it.
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  Arguments arguments;
  arguments.path = text.substr(0, path_end(text));
  text.remove_prefix(arguments.path.size());
  if (arguments.path.empty() || (!text.empty() && !is_blank(text.front()))) return bad;
  for (auto word : words(text, " \t")) {
    auto equals = word.find('=');
    Parameter parameter{upper(word.substr(0, equals)), {}};
    if (equals != std::string_view::npos) parameter.value = word.substr(equals + 1);
    bool valid = is_keyword(parameter.keyword) && (!parameter.value || is_value(*parameter.value) ||
                                                   is_verp(parameter.keyword, *parameter.value));
    bool repeated = std::ranges::any_of(
        arguments.parameters, [&](const auto& one) { return one.keyword == parameter.keyword; });
    if (!valid || repeated || arguments.parameters.size() == esmtp_parameters_max) {
      return Error(501, "5.5.4", "Bad parameter: " + printable(word, 60));
    }
    arguments.parameters.push_back(std::move(parameter));
  }
  return arguments;
}

Error bad_value(const Parameter& parameter) {
  return Error(501, "5.5.4", "Bad " + parameter.keyword + " parameter syntax");
}

Error unknown(const Parameter& parameter) {
  return Error(555, "5.5.4", "Unsupported parameter: " + parameter.keyword);
}

/// Error 501 with the status code for a sender's or a recipient's syntax.
Error address_error(const Error& error, EnhancedStatus status, std::string_view whose) {
  auto text = std::string_view(error.text());
  auto reason = text.find(": ");
  return Error(501, status,
               "Bad " + std::string(whose) + " address syntax" +
                   std::string(reason == std::string_view::npos ? "" : text.substr(reason)));
}

/// RFC 4954 section 5: an address in xtext, or <>.
Result<MailAddress> submitter(const Parameter& parameter, Utf8 utf8) {
  auto decoded = xtext_decode(*parameter.value, utf8);
  if (!decoded) return bad_value(parameter);
  if (*decoded == "<>") return MailAddress();
  auto address = MailAddress::parse(*decoded, utf8);
  if (!address) return bad_value(parameter);
  return address;
}

Result<void> apply(const Parameter& parameter, MailCommand& command, Utf8 utf8) {
  const auto& keyword = parameter.keyword;
  if (keyword == "SMTPUTF8") {
    if (parameter.value) return bad_value(parameter);
    command.smtputf8 = true;
    return {};
  }
  if (keyword == "REQUIRETLS") {
    if (parameter.value) return bad_value(parameter);
    command.requires_tls = true;
    return {};
  }
  if (keyword == "XVERP") {
    if (parameter.value && !is_verp(keyword, *parameter.value)) return bad_value(parameter);
    command.verp = parameter.value.value_or("");
    return {};
  }
  bool known = keyword == "SIZE" || keyword == "BODY" || keyword == "RET" || keyword == "ENVID" ||
               keyword == "AUTH";
  if (!known) return unknown(parameter);
  if (!parameter.value) return bad_value(parameter);
  auto value = *parameter.value;
  auto choose = [&](auto& target, std::string_view name, auto choice) {
    if (equal_nocase(value, name)) target = choice;
    return equal_nocase(value, name);
  };
  if (keyword == "SIZE") {
    // RFC 1870 section 3: up to 20 digits; a number beyond 64 bits is too large in any case.
    bool digits =
        value.size() <= 20 && std::ranges::all_of(value, [](char c) { return is_digit(c); });
    if (!digits) return bad_value(parameter);
    command.size = parse_number(value).value_or(UINT64_MAX);
  } else if (keyword == "BODY") {
    if (!choose(command.body, "7BIT", BodyType::SevenBit) &&
        !choose(command.body, "8BITMIME", BodyType::EightBitMime) &&
        !choose(command.body, "BINARYMIME", BodyType::BinaryMime)) {
      return bad_value(parameter);
    }
  } else if (keyword == "RET") {
    if (!choose(command.ret, "FULL", DsnReturn::Full) &&
        !choose(command.ret, "HDRS", DsnReturn::Headers)) {
      return bad_value(parameter);
    }
  } else if (keyword == "ENVID") {
    command.envid = value.size() <= envid_bytes_max ? xtext_decode(value) : std::nullopt;
    if (!command.envid || std::ranges::any_of(*command.envid, is_control)) {
      return bad_value(parameter);
    }
  } else {
    TRY(command.submitter, submitter(parameter, utf8));
  }
  return {};
}

}  // namespace

Result<MailCommand> parse_mail_command(std::string_view text) {
  TRY(auto arguments, parse_arguments(text, "FROM:"));
  bool smtputf8 = std::ranges::any_of(arguments.parameters,
                                      [](const auto& one) { return one.keyword == "SMTPUTF8"; });
  auto utf8 = smtputf8 ? Utf8::Allowed : Utf8::Refused;
  MailCommand command;
  auto sender = MailAddress::parse_path(arguments.path, utf8);
  if (!sender) return address_error(sender.error(), "5.1.7", "sender");
  command.sender = *std::move(sender);
  for (const auto& parameter : arguments.parameters) {
    TRY_DO(apply(parameter, command, utf8));
    command.given.push_back(parameter.keyword);
  }
  return command;
}

Result<RcptCommand> parse_rcpt_command(std::string_view text, Utf8 utf8) {
  TRY(auto arguments, parse_arguments(text, "TO:"));
  RcptCommand command;
  auto recipient = MailAddress::parse_path(arguments.path, utf8);
  if (!recipient) return address_error(recipient.error(), "5.1.3", "recipient");
  if (recipient->is_null()) return Error(501, "5.1.3", "Bad recipient address syntax: empty");
  command.recipient = *std::move(recipient);
  for (const auto& parameter : arguments.parameters) {
    bool notify = parameter.keyword == "NOTIFY";
    if (!notify && parameter.keyword != "ORCPT") return unknown(parameter);
    if (!parameter.value) return bad_value(parameter);
    if (notify) {
      TRY(command.notify, DsnNotify::parse(*parameter.value));
    } else {
      TRY(command.orcpt, OriginalRecipient::parse(*parameter.value, utf8));
    }
    command.given.push_back(parameter.keyword);
  }
  return command;
}

}  // namespace pennypost
