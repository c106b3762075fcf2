// Reads and writes the list of who may do what with a mailbox, in the format of Dovecot's
// dovecot-acl, and says what a visitor may do.
//
//   file       = *( [ line ] LF )                              lines that begin with # are skipped
//   line       = [ "-" ] identifier [ SP letters ] [ SP ":" name *( "," name ) ]
//   identifier = "anyone" | "authenticated" | "owner" | "user=" name | "group=" name |
//                "group-override=" name                        in quotes if it holds a blank
//
// A line with "-" takes rights away, whoever else grants them. Of the lines that fit a visitor
// those of the last kind count: anyone, authenticated, group, owner, user, group-override; what
// several groups grant is added up. The owner has all rights unless a line for owner, user= or
// group-override= says otherwise; whom no line fits has none. Rights with names that are not ours
// are kept. This is what Dovecot does with the same file.
//
// A file with a line that can't be understood grants nothing to anybody but the owner, who keeps
// all rights: it is an Error to its reader (acl_file.h), and never overwritten.
//
// STANDARDS  RFC 4314 sections 2 and 3
// LIMITS     entries_max, identifier_bytes_max, file_bytes_max
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/sharing/rights.h"

namespace pennypost::store {

/// Whom a line of the list is for.
struct Identifier {
  /// The later counts more.
  enum class Kind : std::uint8_t { Anyone, Authenticated, Group, Owner, User, GroupOverride };
  static constexpr std::size_t identifier_bytes_max = 400;

  Kind kind = Kind::Anyone;
  std::string name;  ///< of a user or group

  /// As in the file: `user=bob@example.org`. Error 501: it is none.
  static Result<Identifier> parse(std::string_view text);
  /// As in IMAP: `bob@example.org`, `$group`, `!$group`, and the three words; Dovecot's notation.
  static Result<Identifier> parse_imap(std::string_view text);
  std::string text() const;
  std::string imap_text() const;

  friend auto operator<=>(const Identifier&, const Identifier&) = default;
};

/// Somebody who comes to a mailbox.
struct Visitor {
  std::string name;  ///< of the account, bob@example.org
  bool is_owner = false;
  std::string short_name = {};           ///< by which the account is known as well; empty: none
  std::vector<std::string> groups = {};  ///< the account's field acl_groups
};

/// What SETACL, or with `removes` DELETEACL, asks for.
struct AclChange {
  enum class Mode { Replace, Add, Remove };
  Identifier who;
  bool denies = false;  ///< changes what is taken from `who`, not what is granted
  Mode mode = Mode::Replace;
  Rights rights;
  bool removes = false;  ///< the whole line
};

class Acl {
 public:
  static constexpr std::size_t entries_max = 200;
  static constexpr std::size_t file_bytes_max = 256 << 10;

  struct Grant {
    Rights rights;
    std::set<std::string> named;  ///< rights of other programs
    bool empty() const { return rights.empty() && named.empty(); }
    friend bool operator==(const Grant&, const Grant&) = default;
  };
  /// What is granted to an identifier, and what is taken from it; nothing: there is no such line.
  struct Entry {
    Identifier who;
    std::optional<Grant> granted;
    std::optional<Grant> denied;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  /// Error Corruption with the number of the line and what is wrong with it.
  static Result<Acl> parse(std::string_view text);
  std::string text() const;

  /// In the order in which they count, each identifier once.
  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  Rights rights_of(const Visitor& visitor) const;

  /// To replace rights by none removes the line. `owner` is the owner's name, who keeps the right
  /// to administer, and whose line is that of owner unless there is one of that name. Error Limit:
  /// too many identifiers.
  Result<void> change(const AclChange& change, const std::string& owner);
  /// Whether there is a line for it.
  bool has(const Identifier& who) const;
  /// The line for owner becomes one for this user, unless there is one already; and there is one.
  void show_owner_as(const std::string& owner);
  /// Gives all lines of a user to one with another name; to nobody if that is empty. False: there
  /// are none.
  bool rename_user(const std::string& from, const std::string& to);

  friend bool operator==(const Acl&, const Acl&) = default;

 private:
  static Result<void> parse_line(std::string_view line, Acl& acl);
  Entry& entry(const Identifier& who);
  void drop_empty();

  std::vector<Entry> entries_;
};

}  // namespace pennypost::store
