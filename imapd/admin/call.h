// Holds what all commands for mailboxes have in common: their command line, their output, and the
// account that they work on.
//
// Options stand before a command's words; `--` ends them. Each command also has letters of its own.
//
//   -c DIR, -o NAME=VALUE   as everywhere
//   -u USER                 an account; with `*` and `?` all whose names match; may be repeated
//   -A                      all accounts that may have mail here
//   --json                  one JSON object a line in place of text
//   --to USER               -u USER, where a command has a second account
//
// LIMITS  arguments_max
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "imapd/grammar/limits.h"
#include "store/accounts/account_ref.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// The exit statuses, Dovecot's where doveadm has one for the case.
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 64;      // EX_USAGE
inline constexpr int exit_no_user = 67;    // EX_NOUSER
inline constexpr int exit_not_found = 68;  // DOVEADM_EX_NOTFOUND
inline constexpr int exit_later = 75;      // EX_TEMPFAIL
inline constexpr int exit_config = 78;     // EX_CONFIG

inline constexpr std::size_t arguments_max = 10'000;

struct AdminCall {
  LoadOptions load;
  std::vector<std::string> users;
  bool is_for_all = false;
  bool as_json = false;
  std::string letters;  // the command's own options that are set
  std::map<std::string, std::vector<std::string>, std::less<>> options;  // the long ones
  std::vector<std::string> words;                                        // behind the options
  // Filled in by administer().
  std::shared_ptr<const Config> config = {};
  Limits limits = {};
  bool shows_user = false;  // there may be more than one

  bool has(char letter) const { return letters.find(letter) != letters.npos; }
  bool has(std::string_view option) const { return options.contains(option); }
  /// The last value of a long option; empty if it is not set.
  std::string value(std::string_view option) const;

  /// What a command takes besides the options of all.
  struct Form {
    std::string_view letters;
    std::string_view options;  // `port= starttls`: long ones, with a value or without
    /// The first word belongs to the command's name (`mailbox list`), and options may stand before
    /// and behind it.
    bool has_second_name = false;
  };
  /// Error 501: what is wrong with it.
  static Result<AdminCall> parse(std::span<const std::string> arguments, const Form& form);
};

/// One value of a line of output.
struct OutputCell {
  enum class Kind { Text, Number, Truth };
  OutputCell(std::string_view of, std::string text) : name(of), value(std::move(text)) {}
  OutputCell(std::string_view of, std::uint64_t number)
      : name(of), value(std::to_string(number)), kind(Kind::Number) {}
  OutputCell(std::string_view of, bool is_true)
      : name(of), value(is_true ? "true" : "false"), kind(Kind::Truth) {}
  std::string name;
  std::string value;
  Kind kind = Kind::Text;
  /// Left out of text, which is for people and for doveadm's scripts.
  bool is_only_json = false;
  OutputCell json_only() && {
    is_only_json = true;
    return std::move(*this);
  }
};

/// Writes rows as doveadm does, or as JSON.
class AdminOutput {
 public:
  /// Line: `a b`. Flow: `a name=b`. Pager: `name: a` on a line each, and a form feed at the end; a
  /// value of several lines begins on a line of its own.
  enum class Form { Line, Flow, Pager };
  AdminOutput(std::ostream& out, bool as_json) : out_(out), as_json_(as_json) {}
  void row(Form form, std::span<const OutputCell> cells);

 private:
  void text_row(Form form, std::span<const OutputCell> cells);
  std::ostream& out_;
  bool as_json_;
};

/// Says on a terminal how far a long command is: once a second, on one line, on standard error.
class AdminProgress {
 public:
  /// `what` as in `alice@example.org: INBOX`.
  AdminProgress(std::string what, std::uint64_t total);
  AdminProgress(const AdminProgress&) = delete;
  AdminProgress& operator=(const AdminProgress&) = delete;
  ~AdminProgress();
  void add(std::uint64_t count);

 private:
  std::string what_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::int64_t next_ms_;
  bool is_shown_ = false;
  bool is_terminal_;
};

/// The account that a command works on, with its rights.
struct AdminAccount {
  const AdminCall& call;
  const store::AccountRef& account;
  store::MailStore& store;
  AdminOutput& out;
  bool has_mail = true;  // false: nothing is on disk yet

  /// The folder of a name in UTF-8 as an admin writes it.
  Result<store::MailboxName> mailbox_name(const std::string& text) const;
  /// A row begins with the account if there may be several; in JSON always.
  std::vector<OutputCell> row_begin() const;
};

/// What one call does, for one account after another.
class AdminAction {
 public:
  virtual ~AdminAction() = default;
  /// Still with the rights of the caller: opens files that he has named.
  virtual Result<void> begin(const store::AccountRef&) { return {}; }
  virtual Result<void> run(AdminAccount& on) = 0;
};

}  // namespace pennypost::imap
