#include "smtpd/commands/sendmail_dialogue.h"

#include <algorithm>
#include <array>
#include <istream>
#include <optional>
#include <ostream>
#include <sstream>

#include "common/base/text.h"
#include "common/mail/esmtp.h"
#include "common/session/command_table.h"
#include "smtpd/commands/sendmail.h"
#include "smtpd/inbound/data_scanner.h"
#include "smtpd/inbound/reply.h"
#include "smtpd/pickup/drop_file.h"

namespace pennypost::smtp {
namespace {

class Dialogue {
 public:
  Dialogue(const Config& config, const std::string& config_directory, std::istream& in,
           std::ostream& out)
      : config_(config), config_directory_(config_directory), in_(in), out_(out) {}

  void run() {
    say(Reply(220, "", config_.myhostname + " ESMTP " + config_.mail_name));
    std::string line;
    while (next_line(line)) {
      Reply reply = answer(line);
      say(reply);
      if (reply.ends_session()) return;
    }
  }

 private:
  struct Transaction {
    Transaction() : utf8(Utf8::Refused) {}
    MailAddress sender;
    Utf8 utf8;
    std::vector<std::string> recipients;
  };
  struct Command {
    std::string_view name;
    Reply (Dialogue::*handler)(const std::string& arguments);
  };

  Reply answer(std::string_view line) {
    using D = Dialogue;
    static constexpr std::array table{
        Command{"DATA", &D::data}, Command{"EHLO", &D::ehlo}, Command{"HELO", &D::helo},
        Command{"MAIL", &D::mail}, Command{"NOOP", &D::noop}, Command{"QUIT", &D::quit},
        Command{"RCPT", &D::rcpt}, Command{"RSET", &D::rset}, Command{"VRFY", &D::vrfy},
    };
    static_assert(is_command_table(table), "find_command() searches by halves");
    if (line.size() > dialogue_line_bytes_max) return Reply(500, "5.5.2", "Error: line too long");
    auto blank = line.find(' ');
    const Command* command = find_command(table, line.substr(0, blank));
    if (command == nullptr) return Reply(502, "5.5.2", "Error: command not recognized");
    return (this->*command->handler)(
        std::string(blank == line.npos ? "" : trim(line.substr(blank))));
  }

  Reply helo(const std::string& arguments) {
    if (arguments.empty()) return Reply(501, "", "Syntax: EHLO hostname");
    transaction_.reset();
    return Reply(250, "", config_.myhostname);
  }

  Reply ehlo(const std::string& arguments) {
    if (arguments.empty()) return helo(arguments);
    transaction_.reset();
    return Reply(250, "",
                 config_.myhostname + "\nSIZE " +
                     std::to_string(config_.message_size_limit.value()) +
                     "\nENHANCEDSTATUSCODES\n8BITMIME\nSMTPUTF8");
  }

  Reply mail(const std::string& arguments) {
    if (transaction_) return Reply(503, "5.5.1", "Error: nested MAIL command");
    auto command = parse_mail_command(arguments);
    if (!command) return command.error();
    if (names_any(command->given, {"RET", "ENVID", "AUTH", "XVERP"})) return unsupported_option();
    if (!config_.message_size_limit.allows(command->size.value_or(0))) return too_large();
    transaction_.emplace();
    transaction_->sender = command->sender;
    transaction_->utf8 = command->smtputf8 ? Utf8::Allowed : Utf8::Refused;
    return Reply(250, "2.1.0", "Ok");
  }

  Reply rcpt(const std::string& arguments) {
    if (!transaction_) return need_mail();
    auto command = parse_rcpt_command(arguments, transaction_->utf8);
    if (!command) return command.error();
    if (names_any(command->given, {"NOTIFY", "ORCPT"})) return unsupported_option();
    if (transaction_->recipients.size() >= submission_recipients_max) {
      return Reply(452, "4.5.3", "Error: too many recipients");
    }
    transaction_->recipients.push_back(command->recipient.text());
    return Reply(250, "2.1.5", "Ok");
  }

  Reply data(const std::string&) {
    if (!transaction_) return need_mail();
    if (transaction_->recipients.empty()) {
      return Reply(554, "5.5.1", "Error: no valid recipients");
    }
    say(Reply(354, "", "End data with <CR><LF>.<CR><LF>"));
    DataScanner::Limits limits;
    limits.message_bytes_max = config_.message_size_limit;
    limits.line_bytes_max = std::string::npos;  // no limit
    limits.bare_newline = DataScanner::BareNewline::Keep;
    DataScanner scanner(DataScanner::Ends::WithDot, limits);
    // A program that ends its commands with LF also ends the message with LF.LF. One that uses CRLF
    // may pass on other people's text, in which a dot between LFs does not end the message.
    const bool uses_crlf = ended_with_crlf_;
    std::string text;
    std::string line;
    while (!scanner.is_done()) {
      if (!next_line(line)) return Reply::already_sent();  // end of input: the message is dropped
      line += uses_crlf && !ended_with_crlf_ ? "\n" : "\r\n";
      scanner.scan(line, text);
    }
    Transaction ended = *std::move(transaction_);
    transaction_.reset();
    if (scanner.fault() != DataScanner::Fault::None) return too_large();
    return post(std::move(ended), std::move(text));
  }

  Reply post(Transaction ended, std::string text) {
    SendmailOptions options;
    options.sender = ended.sender.is_null() ? "<>" : ended.sender.text();
    options.submission.recipients = std::move(ended.recipients);
    LocalSubmission submission;
    auto message =
        prepare_message(std::move(text), options, LocalUser::current(), config_, submission);
    if (!message) return Reply(554, "5.6.0", printable(message.error().text()));
    std::ostringstream problem;
    int status = post_message(submission, *message, config_, config_directory_, problem);
    if (status == 0) return Reply(250, "2.0.0", "Ok: queued");
    std::string why = printable(trim(problem.str()), 400);
    return status == 75 ? Reply(451, "4.3.0", why) : Reply(554, "5.3.0", why);
  }

  Reply rset(const std::string&) {
    transaction_.reset();
    return Reply(250, "2.0.0", "Ok");
  }
  Reply noop(const std::string&) { return Reply(250, "2.0.0", "Ok"); }
  Reply vrfy(const std::string& arguments) {
    return Reply(252, "2.0.0", printable(arguments, 256));
  }
  Reply quit(const std::string&) { return Reply(221, "2.0.0", "Bye"); }

  static Reply need_mail() { return Reply(503, "5.5.1", "Error: need MAIL command"); }
  static Reply unsupported_option() { return Reply(555, "5.5.4", "Unsupported option"); }
  static Reply too_large() { return Reply(552, "5.3.4", "Message size exceeds fixed limit"); }
  static bool names_any(const std::vector<std::string>& given,
                        std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(
        given, [&](const auto& one) { return std::ranges::find(names, one) != names.end(); });
  }

  /// Reads a line without its CRLF or LF. False at the end of input.
  bool next_line(std::string& line) {
    if (!std::getline(in_, line)) return false;
    ended_with_crlf_ = line.ends_with('\r');
    if (ended_with_crlf_) line.pop_back();
    return true;
  }
  void say(const Reply& reply) {
    if (reply.is_already_sent()) return;
    std::string wire;
    reply.append_to(wire);
    out_ << wire << std::flush;
  }

  const Config& config_;
  const std::string& config_directory_;
  std::istream& in_;
  std::ostream& out_;
  std::optional<Transaction> transaction_;
  bool ended_with_crlf_ = false;  // of the last line
};

}  // namespace

int sendmail_dialogue(const Config& config, const std::string& config_directory, std::istream& in,
                      std::ostream& out) {
  Dialogue(config, config_directory, in, out).run();
  return 0;
}

}  // namespace pennypost::smtp
