#include "smtpd/commands/sendmail_dialogue.h"

#include <algorithm>
#include <istream>
#include <optional>
#include <ostream>
#include <sstream>

#include "common/base/text.h"
#include "common/mail/esmtp.h"
#include "smtpd/commands/sendmail.h"
#include "smtpd/pickup/drop_file.h"

namespace pennypost::smtp {
namespace {

class Dialogue {
 public:
  Dialogue(const Config& config, const std::string& config_directory, std::istream& in,
           std::ostream& out)
      : config_(config), config_directory_(config_directory), in_(in), out_(out) {}

  void run() {
    say("220 " + config_.myhostname + " ESMTP " + config_.mail_name);
    std::string line;
    while (next_line(line)) {
      if (line.size() > dialogue_line_bytes_max) {
        say("500 5.5.2 Error: line too long");
        continue;
      }
      auto blank = line.find(' ');
      std::string verb = upper(std::string_view(line).substr(0, blank));
      std::string arguments(blank == line.npos ? "" : trim(line.substr(blank)));
      if (verb == "QUIT") {
        say("221 2.0.0 Bye");
        return;
      }
      answer(verb, arguments);
    }
  }

 private:
  struct Transaction {
    Transaction() : utf8(Utf8::Refused) {}
    MailAddress sender;
    Utf8 utf8;
    std::vector<std::string> recipients;
  };

  void answer(const std::string& verb, const std::string& arguments) {
    if (verb == "HELO" || verb == "EHLO") {
      hello(verb == "EHLO", arguments);
    } else if (verb == "MAIL") {
      mail(arguments);
    } else if (verb == "RCPT") {
      rcpt(arguments);
    } else if (verb == "DATA") {
      data();
    } else if (verb == "RSET") {
      transaction_.reset();
      say("250 2.0.0 Ok");
    } else if (verb == "NOOP") {
      say("250 2.0.0 Ok");
    } else if (verb == "VRFY") {
      say("252 2.0.0 " + printable(arguments, 256));
    } else {
      say("502 5.5.2 Error: command not recognized");
    }
  }

  void hello(bool is_extended, const std::string& arguments) {
    if (arguments.empty()) return say("501 Syntax: EHLO hostname");
    transaction_.reset();
    if (!is_extended) return say("250 " + config_.myhostname);
    say("250-" + config_.myhostname);
    say("250-SIZE " + std::to_string(config_.message_size_limit));
    say("250-ENHANCEDSTATUSCODES");
    say("250-8BITMIME");
    say("250 SMTPUTF8");
  }

  void mail(const std::string& arguments) {
    if (transaction_) return say("503 5.5.1 Error: nested MAIL command");
    auto command = parse_mail_command(arguments);
    if (!command) return say(command.error());
    if (names_any(command->given, {"RET", "ENVID", "AUTH"})) {
      return say("555 5.5.4 Unsupported option");
    }
    auto limit = static_cast<std::uint64_t>(config_.message_size_limit);
    if (limit > 0 && command->size.value_or(0) > limit) {
      return say("552 5.3.4 Message size exceeds fixed limit");
    }
    transaction_.emplace();
    transaction_->sender = command->sender;
    transaction_->utf8 = command->smtputf8 ? Utf8::Allowed : Utf8::Refused;
    say("250 2.1.0 Ok");
  }

  void rcpt(const std::string& arguments) {
    if (!transaction_) return say("503 5.5.1 Error: need MAIL command");
    auto command = parse_rcpt_command(arguments, transaction_->utf8);
    if (!command) return say(command.error());
    if (names_any(command->given, {"NOTIFY", "ORCPT"})) return say("555 5.5.4 Unsupported option");
    if (transaction_->recipients.size() >= posting_recipients_max) {
      return say("452 4.5.3 Error: too many recipients");
    }
    transaction_->recipients.push_back(command->recipient.text());
    say("250 2.1.5 Ok");
  }

  void data() {
    if (!transaction_) return say("503 5.5.1 Error: need MAIL command");
    if (transaction_->recipients.empty()) return say("554 5.5.1 Error: no valid recipients");
    say("354 End data with <CR><LF>.<CR><LF>");
    auto limit = static_cast<std::size_t>(config_.message_size_limit);
    std::string text;
    std::string line;
    std::size_t octets = 0;  // with CRLF: RFC 1870 section 5
    bool is_too_large = false;
    // A program that ends its lines with CRLF passes on texts of others: a dot between LFs is
    // theirs.
    const bool only_crlf_ends = ended_with_crlf_;
    for (bool follows_end = true;; follows_end = !only_crlf_ends || ended_with_crlf_) {
      if (!next_line(line)) return;  // broken off: nothing is sent
      if (line == "." && follows_end && (!only_crlf_ends || ended_with_crlf_)) break;
      if (line.starts_with('.')) line.erase(0, 1);
      octets += line.size() + 2;
      is_too_large = is_too_large || (limit > 0 && octets > limit);
      if (!is_too_large) text += line + '\n';
    }
    SendmailOptions options;
    options.sender = transaction_->sender.is_null() ? "<>" : transaction_->sender.text();
    options.posting.recipients = std::move(transaction_->recipients);
    transaction_.reset();
    if (is_too_large) return say("552 5.3.4 Message size exceeds fixed limit");
    Posting posting;
    auto message =
        prepare_message(std::move(text), options, LocalUser::current(), config_, posting);
    if (!message) return say("554 5.6.0 " + printable(message.error().text()));
    std::ostringstream problem;
    int status = post_message(posting, *message, config_, config_directory_, problem);
    if (status == 0) return say("250 2.0.0 Ok: queued");
    std::string why = printable(trim(problem.str()), 400);
    say((status == 75 ? "451 4.3.0 " : "554 5.3.0 ") + why);
  }

  static bool names_any(const std::vector<std::string>& given,
                        std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(
        given, [&](const auto& one) { return std::ranges::find(names, one) != names.end(); });
  }

  /// Without its end, CRLF or LF. A line beyond any message's size is cut by the stream's end.
  bool next_line(std::string& line) {
    if (!std::getline(in_, line)) return false;
    ended_with_crlf_ = line.ends_with('\r');
    if (ended_with_crlf_) line.pop_back();
    return true;
  }
  void say(const std::string& reply) { out_ << reply << "\r\n" << std::flush; }
  void say(const Error& error) {
    say(std::to_string(error.code()) + " " + printable(error.text()));
  }

  const Config& config_;
  const std::string& config_directory_;
  std::istream& in_;
  std::ostream& out_;
  std::optional<Transaction> transaction_;
  bool ended_with_crlf_ = false;  // the last line
};

}  // namespace

int sendmail_dialogue(const Config& config, const std::string& config_directory, std::istream& in,
                      std::ostream& out, std::ostream&) {
  Dialogue(config, config_directory, in, out).run();
  return 0;
}

}  // namespace pennypost::smtp
