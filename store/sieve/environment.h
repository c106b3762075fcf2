// What a Sieve script may ask of the host that runs it.
//
// The interpreter opens no file and reads no clock: the caller answers. The defaults are those of a
// host that has nothing of the kind.
//
// SEE ALSO   interpreter.h
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/date.h"
#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// A program that a script wants to be run now (vnd.dovecot.filter, vnd.dovecot.execute), or to
/// which a message is given (vnd.dovecot.pipe).
struct ProgramCall {
  enum class Kind : std::uint8_t { Pipe, Filter, Execute };
  Kind kind = Kind::Execute;
  std::string name;  // without a slash
  std::vector<std::string> arguments;
  std::string_view input;
};

struct ProgramAnswer {
  std::string failure;  // why it was not run to its end; empty: it was
  int exit_status = 0;
  std::string output;
  std::string errors = {};  // the beginning of what it wrote there, to be shown
};

class Environment {
 public:
  virtual ~Environment() = default;

  /// The time, in seconds since 1970.
  virtual std::int64_t now_seconds() const = 0;
  /// A time in the zone in which the owner reads it.
  virtual MailDate in_local_zone(std::int64_t seconds) const { return local_date(seconds); }
  /// Whether the run has taken too long; asked now and then.
  virtual bool is_out_of_time() const { return false; }

  // The envelope and the owner. Addresses are written without brackets.

  /// MAIL FROM; empty: the null sender.
  virtual std::string envelope_from() const = 0;
  /// RCPT TO; empty if the message did not come by mail.
  virtual std::string envelope_to() const = 0;
  /// RCPT TO before it was expanded.
  virtual std::string original_to() const { return envelope_to(); }
  /// Who logged in to send the message; empty: nobody.
  virtual std::string sender_login() const { return ""; }
  /// RFC 6785 section 3.8: the flags that the message has already.
  virtual std::vector<std::string> flags() const { return {}; }
  /// All addresses of the script's owner besides envelope_to() and original_to().
  virtual std::vector<std::string> owner_addresses() const { return {}; }
  /// What parts user and detail in a local part: recipient_delimiter.
  virtual std::string recipient_delimiter() const { return "+"; }

  // Mailboxes.

  /// RFC 5490 section 3.1: it exists, and mail may be put into it.
  virtual bool has_mailbox(const std::string& name) const = 0;
  /// RFC 8579 section 4.1: whether `mailbox` has the special use `use`; an empty `mailbox` means
  /// any of the owner's.
  virtual bool has_special_use(const std::string& mailbox, const std::string& use) const = 0;
  /// RFC 5490 sections 4 and 5: an annotation's value; an empty mailbox means the server. Absent
  /// if there is none.
  virtual std::optional<std::string> annotation(const std::string& mailbox,
                                                const std::string& name) const {
    (void)mailbox;
    (void)name;
    return std::nullopt;
  }

  /// Whether a key that an earlier Outcome told to remember is still remembered.
  virtual bool is_remembered(const std::string& key) const = 0;

  /// RFC 6609 section 3.1: the script of that name, of the owner or of the host; null if there is
  /// none. The caller may keep what it has compiled.
  enum class ScriptLocation { Personal, Global };
  virtual Result<std::shared_ptr<const Script>> included(const std::string& name,
                                                         ScriptLocation location) const = 0;

  /// RFC 5183: an item like `domain`; nothing if it is unknown.
  virtual std::optional<std::string> item(const std::string& name) const {
    (void)name;
    return std::nullopt;
  }

  // RFC 6134: external lists.

  virtual bool has_list(const std::string& list) const {
    (void)list;
    return false;
  }
  virtual Result<bool> is_listed(const std::string& list, const std::string& value) const {
    (void)list;
    (void)value;
    return false;
  }
  /// The addresses of a list, for `redirect :list`.
  virtual Result<std::vector<std::string>> members(const std::string& list) const {
    return Error::permanent("there is no list " + list);
  }

  // RFC 5235: what filters said of the message.

  /// How likely it is spam, in percent; nothing if it was not looked at.
  virtual std::optional<unsigned> spam_percent() const { return std::nullopt; }
  /// 1 (no virus) to 5 (certainly one); nothing if it was not looked at.
  virtual std::optional<unsigned> virus_level() const { return std::nullopt; }

  /// Runs a program of the admin's, and waits for its end.
  virtual ProgramAnswer run_program(const ProgramCall& call) const {
    return {"there is no program " + call.name, 0, ""};
  }
};

}  // namespace pennypost::store::sieve
