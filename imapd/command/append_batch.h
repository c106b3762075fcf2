// Keeps the messages of one APPEND until all have come.
//
// Small messages wait in memory, others in a file without a name. A message is a list of pieces:
// one, or the parts of a CATENATE.
//
// LIMITS     messages_max, parts_max; binary_octets_max in messages of a command whose binary parts
//            are encoded; imap_append_limit for a message, imap_append_spool_limit for
//            what an account has on its way in files
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "imapd/session/account.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class AppendBatch {
 public:
  static constexpr std::size_t messages_max = 1000;
  static constexpr std::size_t parts_max = 1000;
  static constexpr std::uint64_t binary_octets_max = 4 << 20;

  explicit AppendBatch(Account& account) : account_(account) {}
  AppendBatch(const AppendBatch&) = delete;
  AppendBatch& operator=(const AppendBatch&) = delete;
  ~AppendBatch() { account_.spooled_octets -= announced_octets_; }

  /// Another message begins; its parts follow. 550 if there are too many.
  Result<void> begin(store::NewMessage fresh);
  /// The octets of the message that has begun, so far.
  std::uint64_t message_octets() const { return message_octets_; }

  /// Whether this many more octets stay in memory; else they go to the file, and announce() comes
  /// first.
  bool fits_memory(std::uint64_t octets) const;
  /// Takes a place in the account's spool for octets that go to the file.
  Result<void> announce(std::uint64_t octets, std::uint64_t octets_max);
  std::uint64_t announced_octets() const { return announced_octets_; }
  /// A part of the message with so many octets begins. Fails the batch where there can be no file.
  void begin_part(std::uint64_t octets, const std::string& directory);
  /// Whether add() must be called on a thread.
  bool goes_to_file() const { return !in_memory_ && !failure; }
  /// Takes octets of the part; asks `store` now and then whether there is room for all in the file
  /// so far, as it will be stored: with LF line ends. Blocks if goes_to_file().
  Result<void> add(std::string_view bytes, store::MailStore& store);
  /// The part has come, in full.
  void end_part();

  /// Whether the octets of the part, a literal8, are lines: as the store gives back what it keeps.
  bool is_made_of_lines() const { return is_made_of_lines_; }
  /// The message, which came as one such part: its binary parts become base64. Blocks. Error 550 if
  /// that does not help, or where that is too much to be held in memory.
  Result<void> encode_binary();

  /// Drops what has come; what still comes is read and dropped.
  void fail(Error why);

  /// Octets of a literal8 have come, and go to add() as any.
  void look_at_binary(std::string_view bytes);

  std::optional<store::MailboxName> target;
  /// Of REPLACE: the message in the selected mailbox that goes, once its place is taken.
  std::optional<store::Uid> replaced;
  std::vector<store::NewMessage> messages;
  std::uint64_t file_octets = 0;
  /// Why the command will be refused at its end.
  std::optional<Error> failure;

 private:
  Result<void> write(std::string_view bytes, store::MailStore& store);

  Account& account_;
  std::uint64_t announced_octets_ = 0;
  std::uint64_t message_octets_ = 0;
  std::size_t parts_ = 0;
  // The small parts; a deque, since NewMessage refers to its elements.
  std::deque<std::string> texts_;
  std::uint64_t memory_octets_ = 0;
  std::uint64_t binary_octets_ = 0;
  Descriptor file_;
  // Of the part that comes.
  bool in_memory_ = true;
  std::uint64_t part_begin_ = 0;
  std::uint64_t line_ends_ = 0;
  bool after_cr_ = false;
  bool is_made_of_lines_ = true;
  char last_binary_ = 0;
  std::uint64_t asked_at_ = 0;  // of file_octets
};

}  // namespace pennypost::imap
