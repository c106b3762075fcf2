// The content of one message in, in pieces; a small text in memory or a synced file out.
//
// Up to inline_body_bytes_max it stays in memory. What is larger goes into a file that the queue
// opened, written on a thread of the pool. The beginning is kept for its header.
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
  /// Nothing follows: the file is synced, the header's end is known. Error 552: it is too far off.
  Task<Result<void>> finish();

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
  void look_for_header(bool is_whole);
  Loop& loop_;
  Backend& backend_;
  QueueId id_;
  std::string tail_;        // not yet in the file
  std::string head_;        // the beginning, while it goes into a file
  bool keeps_head_ = true;  // the header's end was not in it yet
  HeaderEnd header_end_;
  std::uint64_t bytes_ = 0;
  Descriptor file_;
  std::optional<Error> failure_;
  bool is_handed_over_ = false;
};

}  // namespace pennypost::smtp
