// Reads one message for the keys BODY and TEXT, and searches it, a piece at a time.
//
// SEE ALSO   text_scan.h (how texts are found), text_batch.h (who reads)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "imapd/search/text_scan.h"
#include "store/mailbox/reader.h"

namespace pennypost::imap {

class TextReading {
 public:
  /// Reads the next piece; once all of the message has been read, closes the reader, and searches
  /// the next piece. Returns the cost of that in octets. `keys` outlive it.
  std::uint64_t advance(std::optional<store::MessageReader>& reader, const KeySet& keys,
                        TextScan::Asked asked);
  /// Nothing is left to do: all was searched, or every key found, or it can't be read.
  bool is_done() const { return has_failed_ || (scan_ && scan_->is_done()); }
  bool has_failed() const { return has_failed_; }
  /// It has begun and is not done: the message is in memory.
  bool is_under_way() const { return !is_done() && (scan_ || !text_.empty()); }
  /// What was found so far; null: it has not been searched yet.
  const TextScan* scan() const { return scan_.get(); }

 private:
  Result<std::string> next_piece(store::MessageReader& reader) const;

  std::string text_;                // of the message, as far as it has been read
  std::unique_ptr<TextScan> scan_;  // once all of it has
  bool has_failed_ = false;
};

}  // namespace pennypost::imap
