// Holds a set of the rights that a user may have on a mailbox, and says which right each deed
// needs.
//
// The letters are those of RFC 4314 section 2.1, l r w s t i p e k x a, which stand in dovecot-acl
// as well; doveadm calls them lookup, read, write and so on. The obsolete rights c and d are sets
// of others (section 2.1.1): whoever grants c means k and x, whoever grants d means t and e.
//
// STANDARDS  RFC 4314 sections 2.1, 2.1.1 and 4, RFC 5464 section 3.3
// SEE ALSO   acl.h (who has which)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

class Rights {
 public:
  enum Right : std::uint16_t {
    Lookup = 1,         ///< l: the mailbox is seen in LIST
    Read = 2,           ///< r: SELECT, STATUS, COPY from it
    Write = 4,          ///< w: flags and keywords other than \Seen and \Deleted
    WriteSeen = 8,      ///< s
    WriteDeleted = 16,  ///< t
    Insert = 32,        ///< i: APPEND, COPY into it
    Post = 64,          ///< p: kept and shown; no address delivers into another user's mailbox
    Expunge = 128,      ///< e
    Create = 256,       ///< k: mailboxes below it
    Delete = 512,       ///< x: the mailbox itself
    Administer = 1024,  ///< a: SETACL and its like
  };
  static constexpr std::uint16_t all_bits = 2047;

  constexpr Rights() = default;
  constexpr Rights(Right right) : bits_(right) {}  // NOLINT: a single right is a set of rights
  static constexpr Rights all() { return of(all_bits); }
  /// Error 501: a letter that is no right, and which.
  static Result<Rights> parse(std::string_view letters);
  /// doveadm's names: lookup, write-seen, all; or letters, if no name fits. Error 501 likewise.
  static Result<Rights> parse_name(std::string_view name);

  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool has(Rights all) const { return (bits_ & all.bits_) == all.bits_; }
  constexpr bool has_any(Rights some) const { return (bits_ & some.bits_) != 0; }
  constexpr Rights operator|(Rights other) const { return of(bits_ | other.bits_); }
  constexpr Rights operator-(Rights other) const { return of(bits_ & ~other.bits_); }
  friend constexpr bool operator==(Rights, Rights) = default;

  /// In the order of the enumeration.
  std::string letters() const;
  /// The same as IMAP shows it: with c if there is k or x, d if there is t or e.
  std::string letters_with_obsolete() const;
  std::vector<std::string_view> names() const;

 private:
  static constexpr Rights of(int bits) {
    Rights rights;
    rights.bits_ = static_cast<std::uint16_t>(bits);
    return rights;
  }
  std::uint16_t bits_ = 0;
};
constexpr Rights operator|(Rights::Right a, Rights::Right b) { return Rights(a) | Rights(b); }

/// What a session does to a mailbox. Each command of IMAP is made of these.
enum class Deed : std::uint8_t {
  Show,            ///< in LIST
  Read,            ///< SELECT, EXAMINE, STATUS and all that reads messages
  MarkSeen,        ///< the flag \Seen
  MarkDeleted,     ///< the flag \Deleted
  Mark,            ///< other flags, and keywords
  Insert,          ///< APPEND, COPY and MOVE into it
  Expunge,         ///< EXPUNGE, CLOSE
  MoveAway,        ///< MOVE out of it
  CreateBelow,     ///< CREATE and RENAME to a name below it
  Remove,          ///< DELETE, RENAME
  Administer,      ///< SETACL, DELETEACL, GETACL, LISTRIGHTS
  AskRights,       ///< MYRIGHTS
  Annotate,        ///< GETMETADATA, and SETMETADATA of one's own entries
  AnnotateForAll,  ///< SETMETADATA of entries under /shared/
};

/// Whether somebody with these rights may do it.
bool allows(Rights rights, Deed deed);
/// The Error of somebody who may not: NonExistent for one who may not even know that the mailbox is
/// there (RFC 4314 section 6), so that it is the same as if it were not, else NoPerm.
Error refusal(Rights rights, Deed deed, const MailboxName& name);

}  // namespace pennypost::store
