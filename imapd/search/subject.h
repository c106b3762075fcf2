// What a search knows of one message.
//
// SEE ALSO   searcher.h (who asks), text_batch.h (where messages wait until they have been read)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "imapd/search/text_reading.h"
#include "store/indexing/header_scan.h"
#include "store/mailbox/message.h"
#include "store/mailbox/reader.h"

namespace pennypost::imap {

/// The answer to a key; Unknown until more of the message has been read.
enum class Truth { No, Unknown, Yes };
inline Truth truth(bool is_true) { return is_true ? Truth::Yes : Truth::No; }

struct Subject {
  Subject(std::uint32_t its_number, const store::Message& its_message)
      : number(its_number), message(its_message) {}

  std::uint32_t number;
  store::Message message;
  Truth answer = Truth::Unknown;  // to all keys together
  std::optional<store::MessageReader> reader;
  std::optional<Error> failure;  // why it could not be opened for its text
  TextReading text;
  std::optional<std::string> header;
  std::optional<store::HeaderScan> header_scan;
  std::optional<std::optional<std::int64_t>> internal_date;
  std::optional<std::optional<std::int64_t>> sent_day;
  std::optional<std::optional<std::int64_t>> save_date;
  std::optional<std::optional<std::uint64_t>> octets;
  std::optional<std::size_t> place;  // in the index of words
  // Of the keys with FUZZY that it answers.
  std::uint32_t score_sum = 0;
  std::uint32_t scored_keys = 0;
  bool is_gone = false;
};

}  // namespace pennypost::imap
