// Runs the administrator's program that turns an attachment into text (fts_decoder), for the index
// of words.
//
// The program is given the media type as its argument and the decoded attachment on its standard
// input, and prints the text in UTF-8. One that fails, takes too long or can't be started is named
// in the log, and the attachment is then found by its name alone.
//
// LIMITS    decoder_seconds_max; what the caller sets for its output
// SEE ALSO  message_words.h (who asks), common/process/running_program.h
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace pennypost::store {

inline constexpr std::chrono::seconds decoder_seconds_max{30};

/// The program, and who asks it.
struct AttachmentDecoder {
  std::string program;                             // a path; empty: none knows the text
  std::string_view component = "imap";             // of its lines in the log
  const std::atomic<bool>* is_given_up = nullptr;  // set by another thread: the program is killed
};

/// The text of an attachment; empty: the program has found none, or has failed. Blocks: use
/// offload.
std::string attachment_text(const AttachmentDecoder& decoder, const std::string& media_type,
                            std::string_view octets, std::size_t text_bytes_max);

}  // namespace pennypost::store
