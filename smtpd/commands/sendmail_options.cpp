// Parses sendmail's command line, which has the options of Sendmail.
#include <filesystem>

#include "common/base/text.h"
#include "common/mail/status.h"
#include "smtpd/commands/sendmail.h"
#include "smtpd/queue/notify.h"

namespace pennypost::smtp {
namespace {

Error usage(const std::string& what) { return Error(501, "sendmail: fatal: " + what); }

Result<void> set_mode(SendmailOptions& options, std::string_view value) {
  using Mode = SendmailOptions::Mode;
  if (value == "m") {
    options.mode = Mode::Send;
  } else if (value == "s") {
    options.mode = Mode::Dialogue;
  } else if (value == "p") {
    options.mode = Mode::List;
  } else if (value == "i") {
    options.mode = Mode::NewAliases;
  } else if (value == "h" || value == "H") {
    return usage("-b" + std::string(value) + ": there is no host status to print or purge");
  } else if (value == "d" || value == "D" || value == "l") {
    return usage("-b" + std::string(value) + ": the daemon is started by `pennypost start`");
  } else {
    return usage("unsupported: -b" + std::string(value));
  }
  return {};
}

Result<void> set_flush(SendmailOptions& options, std::string_view value) {
  options.mode = SendmailOptions::Mode::Flush;
  if (value.empty() || is_digit(value[0])) return {};  // -q15m was for Sendmail's daemon
  if (value[0] == 'I') {
    options.flush.id = value.substr(1);
  } else if (value[0] == 'R' || value[0] == 'S') {
    options.flush.site = value.substr(1);
  } else {
    return usage("unsupported: -q" + std::string(value));
  }
  return {};
}

/// False: the option can't have this value.
bool set_dsn(LocalSubmission& submission, char option, const std::string& value) {
  if (option == 'V') {
    submission.envid = value;
  } else if (option == 'N') {
    auto notify = DsnNotify::parse(upper(value));
    if (notify) submission.notify = notify_bits(*notify);
    return notify.has_value();
  } else if (equal_nocase(value, "full")) {
    submission.ret = Ret::Full;
  } else {
    submission.ret = equal_nocase(value, "hdrs") ? Ret::Headers : submission.ret;
    return equal_nocase(value, "hdrs");
  }
  return true;
}

Result<void> set_option(SendmailOptions& options, char option, const std::string& value) {
  switch (option) {
    case 'b':
      return set_mode(options, value);
    case 'q':
      return set_flush(options, value);
    case 'N':
    case 'R':
    case 'V':
      if (set_dsn(options.submission, option, value)) return {};
      // As in Postfix, a malformed value must not stop the mail.
      options.warnings.push_back("bad -" + std::string(1, option) + " option value -- ignored");
      return {};
    case 'C':
    case 'c':  // as in all our other commands
      options.config_directory = value.ends_with(".toml") || value.ends_with(".cf")
                                     ? std::filesystem::path(value).parent_path().string()
                                     : value;
      return {};
    case 'f':
    case 'r':
      options.sender = value;
      return {};
    case 'F':
      options.full_name = value;
      return {};
    case 'i':
      options.dot_is_text = true;
      return {};
    case 'I':  // Sendmail's old form of -bi
      return set_mode(options, "i");
    case 'o':
      options.dot_is_text = options.dot_is_text || value == "i";
      return {};
    case 'X':  // -XV, -XV+=; of Sendmail, -X names a file for traffic
      if (!value.starts_with('V')) return {};
      options.is_verp = true;
      options.submission.verp = value.substr(1);
      return {};
    case 't':
      options.recipients_from_header = true;
      return {};
    default:
      return {};
  }
}

}  // namespace

Result<SendmailOptions> parse_sendmail_options(std::span<const std::string> args) {
  constexpr std::string_view with_value = "ABCceFhLNOprRVXf";
  constexpr std::string_view attached = "boq";  // a value must be in the same argument
  constexpr std::string_view alone = "GImnitUvx";
  SendmailOptions options;
  std::size_t i = 0;
  for (; i < args.size(); ++i) {
    std::string_view arg = args[i];
    if (arg == "--") {
      ++i;
      break;
    }
    if (arg.size() < 2 || arg[0] != '-') break;
    for (std::size_t at = 1; at < arg.size(); ++at) {
      char option = arg[at];
      std::string value(arg.substr(at + 1));
      if (alone.find(option) != alone.npos) {
        TRY_DO(set_option(options, option, {}));
        continue;
      }
      bool is_attached = attached.find(option) != attached.npos;
      if (!is_attached && with_value.find(option) == with_value.npos) {
        return usage("unknown option -" + std::string(1, option));
      }
      if (value.empty() && (!is_attached || option == 'b' || option == 'o')) {
        if (i + 1 == args.size()) {
          return usage("option -" + std::string(1, option) + " needs a value");
        }
        value = args[++i];
      }
      TRY_DO(set_option(options, option, value));
      break;
    }
  }
  for (; i < args.size(); ++i) options.submission.recipients.push_back(args[i]);
  return options;
}

}  // namespace pennypost::smtp
