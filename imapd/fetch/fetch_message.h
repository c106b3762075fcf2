// Reads what FETCH asks of one message: from the index, its header, or all of it.
//
// Everything that an answer needs is read or open before the answer begins, so that a message that
// is gone or can't be read can still be left out. No more of a message is held in memory than
// `whole_octets_max`, unless the structure of a larger one is asked for. Blocks on the disk.
//
// STANDARDS  RFC 9051 section 6.4.5, RFC 3516 (BINARY), RFC 8474 (EMAILID), RFC 8514 (SAVEDATE),
//            RFC 8970 (PREVIEW)
// SEE ALSO   fetch_producer.h (who writes the answers)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/encoded.h"
#include "imapd/grammar/fetch.h"
#include "imapd/response/body_structure.h"
#include "imapd/session/kept_fields.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class FetchMessage {
 public:
  /// Adds to `work_octets` what it reads.
  FetchMessage(store::Mailbox& mailbox, store::Message message, std::uint64_t& work_octets)
      : mailbox_(&mailbox), message_(message), work_octets_(&work_octets) {}

  /// Reads or opens all that the answer to `request` needs. Errors are the store's.
  Result<void> prepare(const FetchRequest& request);

  const store::Message& message() const { return message_; }
  // Each as far as an item of the request asks for it.
  std::int64_t internal_date() const { return *internal_date_; }
  std::uint64_t octets() const { return *octets_; }
  const std::string& envelope() const { return envelope_; }
  const Structure& structure() const { return *structure_; }
  const std::optional<std::int64_t>& save_date() const { return save_date_; }
  const std::string& email_id() const { return email_id_; }
  /// Nothing: it would have to be made, and nobody asked for that.
  const std::optional<std::string>& preview() const { return preview_; }
  /// A part without its transfer encoding; nothing if there is no such part.
  const std::optional<std::string>& decoded(const Section& section) const;

  /// Where the octets of a section lie; nothing if the message has no such part.
  std::optional<OctetRange> range_of(const Section& section) const;
  /// Of the header that HEADER.FIELDS or HEADER.FIELDS.NOT names, what it selects, and the empty
  /// line if the header has one (RFC 9051 section 6.4.5.1); nothing if the message has no such
  /// part.
  Result<std::optional<std::string>> fields(const Section& section);
  /// Octets of the message; fewer where it ends.
  Result<std::string> read(OctetRange range);

 private:
  static constexpr std::uint64_t whole_octets_max = 1 << 20;
  Result<void> prepare(const FetchItem& item);
  Result<void> prepare(const Section& section);
  Result<void> open();
  Result<void> load_text();
  Result<void> load_header();
  Result<void> load_fields(const Section& section);
  Result<void> load_octets();
  Result<void> load_structure();
  Result<void> load_envelope();
  Result<void> load_preview(bool is_lazy);
  Result<std::string> make_preview();
  Result<void> load_decoded(const Section& section);
  Result<MimePart> described(const Section& section);

  store::Mailbox* mailbox_;
  store::Message message_;
  std::uint64_t* work_octets_;
  std::optional<store::MessageReader> reader_;
  std::optional<std::string> text_;  // all of the message, once that has been read
  std::optional<std::string> header_;
  // Fields of the header, where all of it was not read.
  std::optional<KeptFields> kept_fields_;
  std::optional<std::uint64_t> octets_;
  std::optional<std::int64_t> internal_date_;
  std::string envelope_;
  std::optional<Structure> structure_;
  std::optional<std::int64_t> save_date_;
  std::string email_id_;
  std::optional<std::string> preview_;
  // Of BINARY's items, by the part's number.
  std::map<std::vector<std::uint32_t>, std::optional<std::string>> decoded_;
};

/// Whether a section is the header, or fields of it.
bool is_header(Section::Text text);
/// Whether it is HEADER.FIELDS or HEADER.FIELDS.NOT.
bool selects_fields(Section::Text text);

}  // namespace pennypost::imap
