// Holds the content of one incoming message: in memory if it is small, otherwise in a file.
//
// Content of up to inline_body_bytes_max stays in memory. Larger content goes into a file that the
// queue opened; it is written and synced on a thread of the pool. The header is also kept in
// memory, since filters and fix-ups need it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/async/loop.h"
#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "smtpd/inbound/backend.h"
#include "smtpd/queue/incoming_header.h"

namespace pennypost::smtp {

class Body {
 public:
  Body(Loop& loop, Backend& backend, QueueId id)
      : loop_(loop), backend_(backend), id_(std::move(id)) {}
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  /// Gives up a file that was not submitted. Otherwise clients that break off large messages would
  /// fill the disk until the queue removes orphans.
  ~Body();

  /// Content is appended here; then call settle().
  std::string& tail() { return tail_; }
  /// Writes the content out if it is too large for memory. An Error (452 no space, 451) is kept as
  /// failure(), and further content is discarded.
  Task<> settle();
  /// Searches the content so far for the end of the header; true if it is found, and then header()
  /// is valid. `is_whole`: no more content follows. A header that is too long is a failure() (552).
  bool find_header(bool is_whole);
  /// Where the body begins in the content, once the header is found.
  std::uint64_t body_offset() const;
  /// The part of tail() after the header, once that is found.
  std::string_view body_in_tail() const;
  /// Discards everything after the header, which must have been found: what is appended next is the
  /// new body. To be called when all content has arrived, and followed by finish().
  Task<> begin_anew();
  /// Ends the content: syncs the file and finds the end of the header. Error: failure().
  Task<Result<void>> finish();
  /// At most `count` bytes from `offset` on; empty at the end. After finish().
  Task<Result<std::string>> read(std::uint64_t offset, std::size_t count) const;
  /// Why the content can't be kept.
  const std::optional<Error>& failure() const { return failure_; }

  /// The message is about to be submitted: from now on the file belongs to the queue.
  void hand_over() { is_handed_over_ = true; }

  // After finish().
  std::uint64_t bytes() const { return bytes_; }
  bool is_file() const { return static_cast<bool>(file_); }
  /// Another descriptor of the file; none if the content is not in a file.
  Descriptor file() const;
  /// Removes and returns the whole content, if it is not in a file.
  std::string take_text() { return std::move(tail_); }
  std::string_view header() const;
  const HeaderEnd& header_end() const { return header_end_; }

 private:
  Result<void> write(std::string_view bytes);
  Loop& loop_;
  Backend& backend_;
  QueueId id_;
  std::string tail_;              // not yet written to the file
  std::string head_;              // the header, or the beginning of it
  std::size_t tail_in_head_ = 0;  // how much of tail_ is in head_ as well
  bool has_header_ = false;       // head_ is the header
  HeaderEnd header_end_;
  std::uint64_t bytes_ = 0;
  Descriptor file_;
  std::optional<Error> failure_;
  bool is_handed_over_ = false;
};

}  // namespace pennypost::smtp
