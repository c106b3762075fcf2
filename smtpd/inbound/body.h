// Holds the content of one incoming message: small text in memory, more in a file.
//
// Up to inline_body_bytes_max stays in memory. What is larger goes into a file that the queue
// opened; it is written and synced on a thread of the pool. The header is kept in memory as well,
// since filters and fix-ups need it.
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
  /// A file that nobody submitted is given up at once: else clients that break off large messages
  /// would fill the disk until the queue looks for orphans.
  ~Body();

  /// Append content here, then settle().
  std::string& tail() { return tail_; }
  /// Writes out what has become too much for memory. An Error (452 no space, 451) is remembered:
  /// what follows is thrown away.
  Task<> settle();
  /// Looks for the end of the header in what has come; `is_whole`: nothing follows. Whether it is
  /// found; then header() is valid. A header that is too long is a failure() (552).
  bool find_header(bool is_whole);
  /// The part of tail() that lies behind the header, once that is found.
  std::string_view body_in_tail() const;
  /// Throws away everything behind the header: what is appended next is the new body. When all has
  /// come, and before finish().
  Task<> begin_anew();
  /// Nothing follows: the file is synced, the header's end is known. Error: failure().
  Task<Result<void>> finish();
  /// Why the content can't be kept.
  const std::optional<Error>& failure() const { return failure_; }

  /// The message is about to be submitted: from now on the file is the queue's business.
  void hand_over() { is_handed_over_ = true; }

  // After finish().
  std::uint64_t bytes() const { return bytes_; }
  bool is_file() const { return static_cast<bool>(file_); }
  /// The whole content, when it is no file; the body is empty then.
  std::string take_text() { return std::move(tail_); }
  std::string_view header() const;
  const HeaderEnd& header_end() const { return header_end_; }

 private:
  Result<void> write(std::string_view bytes);
  Loop& loop_;
  Backend& backend_;
  QueueId id_;
  std::string tail_;              // not yet in the file
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
