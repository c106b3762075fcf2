// The keys and values of the queue's database, and changes to them.
//
//   e ID              Envelope              put once, single_erase
//   b ID              the body, if not a file; put once, single_erase
//   m ID              MessageRecord         overwritten, erase; absent until a first attempt fails
//   r ID number32     RecipientRecord       overwritten, erase; absent until there is an outcome
//   d NAME            a maildrop file that has been taken in, until it is gone
//   z stopped         `clean` after an orderly stop; erased at the start
//   z form            stored_form: the format of the values above
//
// A message that is delivered at the first attempt costs two puts and two single_erases, which
// mostly cancel out in memory and never reach a table file. number32 is big-endian, so records are
// in order.
//
// SEE ALSO   ../../store/kv/database.h (single_erase), queue.h
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd/queue/envelope.h"
#include "store/kv/database.h"

namespace pennypost::smtp {

/// The state of a recipient.
enum class RecipientState : std::uint8_t {
  Pending,   // to be tried
  Expanded,  // replaced by its children
  Done,      // delivered, or failed for good
};
constexpr RecipientState wire_last(RecipientState) { return RecipientState::Done; }

/// What the next report still has to tell the sender about a recipient.
enum class ReportDue : std::uint8_t { None, Delivered, Relayed, Expanded, Failed, Expired };
constexpr ReportDue wire_last(ReportDue) { return ReportDue::Expired; }

/// A recipient of the envelope, or a child, with its state.
struct RecipientRecord {
  Recipient recipient;
  std::int64_t parent = -1;  // the number of the recipient it was expanded from; -1: the client's
  RecipientState state = RecipientState::Pending;
  ReportDue report = ReportDue::None;
  bool is_uncertain = false;  // the outcome of an attempt is unknown: it may have succeeded
  std::string status;         // of the last attempt, as in Outcome
  std::string reason;
  std::string relay;
  std::string remote_mta;
  std::string diagnostic;
  std::int64_t last_attempt = 0;  // seconds since 1970
  template <class Archive>
  void fields(Archive& archive) {
    archive(recipient, parent, state, report, is_uncertain, status, reason, relay, remote_mta,
            diagnostic, last_attempt);
  }
};

/// A message with the most recipients stays below this even if an admin has it expanded a thousand
/// times.
inline constexpr std::uint32_t recipient_number_max = 1'000'000'000;

/// Whether the record can be that of recipient `number`: this program writes no other numbers and
/// enumerators, so anything else is damage.
bool is_possible(const RecipientRecord& record, std::uint32_t number);

/// The state of a waiting message.
struct MessageRecord {
  std::int64_t due = 0;  // seconds since 1970
  bool is_held = false;
  bool delay_was_told = false;    // the sender has been warned of the delay
  std::uint32_t next_number = 0;  // for children; never goes back
  bool is_to_expire = false;      // an admin wants it returned to its sender (postsuper -e)
  std::uint32_t pending = 0;      // how many recipients are pending; 0: not known
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_first_form(archive);
    archive(is_to_expire, pending);
  }
  template <class Archive>
  void fields_of_first_form(Archive& archive) {
    archive(due, is_held, delay_was_told, next_number);
  }
};

/// The record as stored in formats 1 and 2.
struct FirstMessageRecord : MessageRecord {
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_first_form(archive);
  }
};

/// Reads a record of any format. Error: it is damaged.
Result<MessageRecord> decode_message_record(std::string_view bytes);

/// The format number; it goes up by one whenever the fields of Envelope, MessageRecord or
/// RecipientRecord change.
inline constexpr std::string_view stored_form = "7";
/// The previous formats, which are read as well: the sixth lacks Envelope::requires_tls and
/// is_tls_optional, the fifth Envelope::verp too, the fourth
/// Envelope::is_junk too, the third Envelope::filter, the second MessageRecord::is_to_expire and
/// pending, the first Envelope::body_line_ends as well.
inline constexpr std::string_view sixth_form = "6";
inline constexpr std::string_view fifth_form = "5";
inline constexpr std::string_view fourth_form = "4";
inline constexpr std::string_view third_form = "3";
inline constexpr std::string_view second_form = "2";
inline constexpr std::string_view first_form = "1";

namespace keys {
inline constexpr std::string_view envelopes = "e";
inline constexpr std::string_view bodies = "b";
inline constexpr std::string_view messages = "m";
inline constexpr std::string_view recipients = "r";
inline constexpr std::string_view stopped = "z stopped";
inline constexpr std::string_view form = "z form";
std::string envelope(const QueueId& id);
std::string body(const QueueId& id);
std::string message(const QueueId& id);
/// The prefix of all records of a message's recipients.
std::string recipients_of(const QueueId& id);
std::string recipient(const QueueId& id, std::uint32_t number);
/// The number at the end of a recipient's key.
std::uint32_t number_of(std::string_view recipient_key);
std::string dropped(const std::string& name);
}  // namespace keys

/// Changes to the database that are committed together or not at all.
class Changes {
 public:
  void put(std::string key, std::string value);
  void erase(std::string key);
  void single_erase(std::string key);
  /// These changes refer to a new body file: its directory is synced before the commit.
  void needs_body_directory() { has_new_file_ = true; }
  /// A file to remove after the commit.
  void remove_file_after(const QueueId& id) { files_to_remove_.push_back(id); }
  void append(Changes other);

  bool empty() const { return entries_.empty(); }
  std::size_t bytes() const { return bytes_; }
  bool has_new_file() const { return has_new_file_; }
  /// Whether a directory must be synced before the commit, or a file removed after it.
  bool has_files() const { return has_new_file_ || !files_to_remove_.empty(); }
  const std::vector<QueueId>& files_to_remove() const { return files_to_remove_; }
  /// Writes them into a batch, sorted by key, which saves the database searching; changes of the
  /// same key keep their order.
  static void write(std::span<const Changes* const> all, store::Batch& batch);

 private:
  enum class Kind : std::uint8_t { Put, Erase, SingleErase };
  struct Entry {
    Kind kind;
    std::string key;
    std::string value;
  };
  std::vector<Entry> entries_;
  std::vector<QueueId> files_to_remove_;
  std::size_t bytes_ = 0;
  bool has_new_file_ = false;
};

}  // namespace pennypost::smtp
