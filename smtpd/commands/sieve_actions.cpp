#include "smtpd/commands/sieve_actions.h"

#include <ostream>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

using namespace pennypost::store::sieve;

std::string quoted(const std::string& text) { return "\"" + printable(text) + "\""; }

class Printer {
 public:
  Printer(std::string_view message, std::ostream& out) : message_(message), out_(out) {}

  void operator()(const FileInto& copy) {
    out_ << (copy.is_keep ? "keep" : "fileinto " + quoted(copy.mailbox));
    if (!copy.special_use.empty()) out_ << ", or what is " << printable(copy.special_use);
    if (copy.creates) out_ << ", made if it is missing";
    if (!copy.flags.empty()) out_ << ", flags " << printable(join(copy.flags, " "));
    out_ << "\n";
    edits(copy.form);
  }

  void operator()(const Redirect& redirect) {
    out_ << "redirect " << printable(redirect.address) << "\n";
    edits(redirect.form);
  }

  void operator()(const Reject& reject) {
    out_ << (reject.is_extended ? "ereject " : "reject ") << quoted(reject.reason) << "\n";
  }

  void operator()(const Pipe& pipe) {
    out_ << "pipe " << quoted(pipe.program);
    for (const auto& argument : pipe.arguments) out_ << " " << quoted(argument);
    out_ << (pipe.may_fail ? ", if it can be" : "") << "\n";
    edits(pipe.form);
  }

  void operator()(const SendMessage& message) {
    out_ << (message.is_vacation ? "vacation" : "notify") << " to " << printable(message.recipient)
         << "\n";
    lines("    ", message.text);
  }

 private:
  void lines(std::string_view before, std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    for (auto line : split(text, '\n')) out_ << before << printable(line) << "\n";
  }

  void edits(const MessageForm& form) {
    if (!form) return;
    for (const auto& edit : *form) {
      if (edit.erase > 0) lines("    - ", message_.substr(edit.offset, edit.erase));
      if (!edit.insert.empty()) lines("    + ", edit.insert);
    }
  }

  std::string_view message_;
  std::ostream& out_;
};

}  // namespace

void print_outcome(const Outcome& outcome, std::string_view message, std::ostream& out) {
  Printer printer(message, out);
  for (const auto& action : outcome.actions) std::visit(printer, action);
  if (outcome.actions.empty()) out << "discard\n";
  if (outcome.kept_unless_piped) {
    out << "if that fails: ";
    printer(*outcome.kept_unless_piped);
  }
  for (const auto& memory : outcome.remembered) {
    out << "remember for " << memory.seconds << " s " << printable(memory.key) << "\n";
  }
}

}  // namespace pennypost::smtp
