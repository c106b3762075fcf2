// Remembers what of a folder of another server is here already, so that copying it can be stopped
// at any time and nothing comes twice.
//
// With the target folder an annotation is kept for each folder that was copied into it:
//
//   /private/vendor/pennypost/copied/ID = UIDVALIDITY " " LAST " " TARGET
//
// Messages there up to UID LAST are here. Those of the next portion may be here as well, if we were
// stopped between storing them and noting that; they have UIDs from TARGET on, and are known by
// their octets. Where nothing is noted, or UIDVALIDITY is another, TARGET is 1: all messages of the
// target are compared.
//
// SEE ALSO  ../../store/mailbox/annotations.h
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/crypto/digest.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// How far the copy of a folder is.
struct CopyMark {
  std::uint32_t uid_validity = 0;
  std::uint32_t last = 0;
  std::uint32_t target = 1;
};

class CopyNote {
 public:
  /// `source`: the server, the login and the folder there.
  CopyNote(store::MailStore& store, store::MailboxName target, std::string_view source);
  /// A new mark if nothing is noted of a folder with this UIDVALIDITY.
  Result<CopyMark> read(std::uint32_t uid_validity) const;
  Result<void> write(const CopyMark& mark) const;

 private:
  store::MailStore& store_;
  store::MailboxName target_;
  std::string entry_;
};

/// The digest of a message's octets; CRLF and LF count as the same, as in the store.
class TextDigest {
 public:
  void add(std::string_view octets);
  std::string finish();

 private:
  Sha256 digest_;
  bool after_cr_ = false;
};

/// The messages of a folder by their octets.
class KnownMessages {
 public:
  /// Reads the messages with UIDs from `first` on.
  static Result<KnownMessages> read(store::Mailbox& mailbox, std::uint32_t first);
  bool empty() const { return counts_.empty(); }
  /// Whether it is one of them; each counts once.
  bool take(const std::string& digest);

 private:
  std::map<std::string, std::uint32_t, std::less<>> counts_;
};

}  // namespace pennypost::imap
