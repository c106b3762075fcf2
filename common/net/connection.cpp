#include "common/net/connection.h"

#include <algorithm>

#include "common/net/scratch.h"

namespace pennypost {
namespace {

constexpr std::size_t kept_bytes_max = 4096;  // a larger empty buffer is freed

[[noreturn]] void throw_timeout() { throw Disconnected(Disconnected::Reason::Timeout, "timeout"); }

}  // namespace

Connection::Connection(Loop& loop, std::unique_ptr<Stream> stream, Duration timeout)
    : loop_(loop), stream_(std::move(stream)), timeout_(timeout), written_(loop) {}

class Connection::Writing {
 public:
  explicit Writing(Connection& connection) : connection_(connection) {
    connection_.is_writing_ = true;
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() {
    connection_.is_writing_ = false;
    connection_.written_.notify_all();
  }

 private:
  Connection& connection_;
};

Task<> Connection::free_to_write() {
  while (is_writing_) co_await written_.wait();
}

SteadyTime Connection::wait_until() const {
  return std::min(std::chrono::steady_clock::now() + timeout_, deadline_);
}

void Connection::consume(std::size_t count) {
  consumed_ += count;
  ASSERT(consumed_ <= input_.size());
  if (consumed_ < input_.size()) return;
  consumed_ = 0;
  if (input_.capacity() > kept_bytes_max) {
    std::string().swap(input_);
  } else {
    input_.clear();
  }
}

std::string Connection::take_input() {
  std::string taken(buffered());
  consume(taken.size());
  return taken;
}

void Connection::prepend_input(std::string_view bytes) {
  std::string all(bytes);
  all += buffered();
  input_ = std::move(all);
  consumed_ = 0;
}

Task<> Connection::read_more() {
  if (consumed_ > 0) {
    input_.erase(0, consumed_);
    consumed_ = 0;
  }
  // Checked here too, for a peer that sends so fast that we never wait.
  if (deadline_ != SteadyTime::max() && loop_.now() >= deadline_) throw_timeout();
  for (;;) {
    std::optional<std::size_t> count;
    std::optional<Disconnected> lost;
    try {
      count = stream_->try_read(scratch());
    } catch (const Disconnected& reason) {
      lost = reason;
    }
    if (lost) {
      // A client that has closed its sending side still reads the answers.
      if (lost->reason() == Disconnected::Reason::Eof && !output_.empty()) co_await flush();
      throw *lost;
    }
    if (count) {
      input_.append(scratch().data(), *count);
      co_return;
    }
    if (!output_.empty()) {
      if (!try_flush()) co_await flush();
      continue;
    }
    // An idle connection holds no buffer.
    if (input_.empty() && input_.capacity() > 15) std::string().swap(input_);
    bool ready = co_await stream_->wait(Poll::Event::Readable, wait_until());
    if (!ready) throw_timeout();
  }
}

Task<> Connection::fill() {
  while (!has_input()) co_await read_more();
}

Task<Line> Connection::line(std::size_t bytes_max) {
  std::size_t searched = 0;
  bool is_too_long = false;
  for (;;) {
    auto bytes = buffered();
    auto end = bytes.find('\n', searched);
    if (end != std::string_view::npos) {
      auto text = bytes.substr(0, end);
      bool has_crlf = text.ends_with('\r');
      if (has_crlf) text.remove_suffix(1);
      if (text.size() > bytes_max) {
        is_too_long = true;
        text = text.substr(0, bytes_max);
      }
      // The bytes stay where they are until the next read.
      consumed_ += end + 1;
      co_return Line{text, has_crlf, is_too_long};
    }
    searched = bytes.size();
    if (searched > bytes_max + 1) {
      // Keep the beginning, and the last byte, which may be the CR of the line's end.
      is_too_long = true;
      input_.erase(consumed_ + bytes_max + 1, searched - bytes_max - 2);
      searched = bytes_max + 2;
    }
    co_await read_more();
  }
}

bool Connection::try_flush() {
  if (is_writing_) return false;
  auto count = stream_->try_write(output_);
  if (count && *count == output_.size()) {
    std::string().swap(output_);
    return true;
  }
  if (count) output_.erase(0, *count);
  return false;
}

Task<> Connection::flush() {
  if (is_writing_) co_await free_to_write();
  std::string bytes;
  bytes.swap(output_);
  co_await send(bytes);
}

Task<> Connection::write(std::string_view bytes) {
  if (tap_ != nullptr) tap_->said(bytes);
  return send(bytes);
}

Task<> Connection::send(std::string_view bytes) {
  if (is_writing_) co_await free_to_write();
  // What was put before goes first.
  std::string all;
  if (!output_.empty()) {
    all.swap(output_);
    all += bytes;
    bytes = all;
  }
  Writing writing(*this);
  while (!bytes.empty()) {
    auto count = stream_->try_write(bytes);
    if (count) {
      bytes.remove_prefix(*count);
      continue;
    }
    bool ready = co_await stream_->wait(Poll::Event::Writable, wait_until());
    if (!ready) throw_timeout();
  }
}

Task<> Connection::hang_up(Duration limit) {
  stream_->hold_back();
  if (!output_.empty()) co_await flush();
  stream_->shut_down();
  auto until = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < until &&
         stream_->discard_input() != Stream::Input::Over) {
    co_await stream_->wait(Poll::Event::Readable, until);
  }
}

Task<> Connection::part(Duration limit) {
  stream_->hold_back();
  if (!output_.empty() && !try_flush()) co_await flush();
  if (stream_->discard_input() == Stream::Input::Some) {
    co_await hang_up(limit);
  } else {
    stream_->shut_down();
  }
}

std::unique_ptr<Stream> Connection::exchange_stream(std::unique_ptr<Stream> stream) {
  return std::exchange(stream_, std::move(stream));
}

}  // namespace pennypost
