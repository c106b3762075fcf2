#include "imapd/grammar/assembler.h"

#include <algorithm>

namespace pennypost::imap {
namespace {

// Longer than any literal header: `~{9223372036854775807+}`.
constexpr std::size_t tail_bytes = 32;
constexpr std::size_t kept_capacity = 512;

}  // namespace

std::string tag_of(std::string_view text) {
  auto end = std::ranges::find_if_not(text, is_tag_char);
  auto length = static_cast<std::size_t>(end - text.begin());
  if (length == 0 || (length < text.size() && text[length] != ' ')) return "*";
  return std::string(text.substr(0, length));
}

std::string CommandAssembler::tag() const {
  return refused_tag_.empty() ? tag_of(text_) : refused_tag_;
}

CommandAssembler::Event CommandAssembler::take(std::string_view& input) {
  if (state_ == State::Done) return outcome_;
  while (!input.empty() || (state_ != State::Line && literal_left_ == 0)) {
    if (state_ == State::Line) {
      auto event = take_line(input);
      if (event != Event::NeedBytes) return event;
      continue;
    }
    auto n = static_cast<std::size_t>(std::min<std::uint64_t>(literal_left_, input.size()));
    if (state_ == State::Literal) text_.append(input.substr(0, n));
    input.remove_prefix(n);
    literal_left_ -= n;
    if (literal_left_ > 0) break;
    state_ = State::Line;
    line_start_ = text_.size();
  }
  return Event::NeedBytes;
}

CommandAssembler::Event CommandAssembler::take_line(std::string_view& input) {
  auto eol = input.find('\n');
  auto piece = input.substr(0, eol);
  bool ends = eol != std::string_view::npos;
  input.remove_prefix(ends ? eol + 1 : input.size());
  if (error_) {
    skipped_ += piece.size();
    if (skipped_ > limits_.skip_bytes_max) return finish(Event::Abandon);
    tail_.append(piece.substr(piece.size() - std::min(piece.size(), tail_bytes)));
    if (tail_.size() > tail_bytes) tail_.erase(0, tail_.size() - tail_bytes);
  } else if (text_.size() - line_start_ + piece.size() > limits_.line_bytes_max + 1 ||
             text_.size() + piece.size() > limits_.command_bytes_max + 1) {
    if (!continues_) refused_tag_ = tag_of(text_.empty() ? piece : text_);
    error_.emplace(501, "Command line is too long");
    tail_ = text_.substr(line_start_) + std::string(piece);
    tail_.erase(0, tail_.size() - std::min(tail_.size(), tail_bytes));
    text_.clear();
    text_.shrink_to_fit();
    line_start_ = 0;
  } else {
    text_.append(piece);
  }
  return ends ? end_of_line() : Event::NeedBytes;
}

CommandAssembler::Event CommandAssembler::end_of_line() {
  auto& line = error_ ? tail_ : text_;
  if (line.ends_with('\r') && (error_ || line.size() > line_start_)) line.pop_back();
  literal_ = literal_at_end(std::string_view(line).substr(error_ ? 0 : line_start_));
  if (error_) {
    tail_.clear();
    // RFC 7888 section 4: a client that waits for our `+` sends nothing more.
    if (!literal_ || literal_->synchronizing) return finish(Event::Refused);
    skipped_ += literal_->bytes;
    if (skipped_ > limits_.skip_bytes_max) return finish(Event::Abandon);
    literal_left_ = literal_->bytes;
    state_ = State::Skip;
    return Event::NeedBytes;
  }
  return literal_ ? begin_literal() : finish(Event::Complete);
}

CommandAssembler::Event CommandAssembler::begin_literal() {
  auto announced = announced_literal(text_, continues_, limits_);
  if (!announced) {
    refuse(std::move(announced).error());
  } else if (!literal_->synchronizing && literal_->bytes > unasked_bytes_max_) {
    std::string code = announced->is_message ? "[TOOBIG] " : "";
    refuse(Error(501, code + "A literal of more than 4096 octets must wait for our answer: {N}"));
  } else if (announced->is_message) {
    next_place_ = announced->place;
    if (literal_->bytes <= limits_.message_bytes_max) return Event::Message;
    refuse(Error(552, "Message is too big"));
  } else if (++literals_ > limits_.literals_max) {
    refuse(Error(552, "Too many literals"));
  } else if (literal_->bytes > limits_.literal_bytes_max) {
    refuse(Error(552, "Literal is too big"));
  } else if (text_.size() + 2 + literal_->bytes > limits_.command_bytes_max) {
    refuse(Error(552, "Command is too big"));
  } else {
    text_ += "\r\n";
    literal_left_ = literal_->bytes;
    state_ = State::Literal;
    return literal_->synchronizing ? Event::Continue : Event::NeedBytes;
  }
  return state_ == State::Done ? outcome_ : Event::NeedBytes;
}

void CommandAssembler::message_taken() {
  ASSERT(literal_);
  if (!continues_) refused_tag_ = tag_of(text_);
  continues_ = next_place_;
  text_.clear();
  line_start_ = 0;
  literal_.reset();
}

void CommandAssembler::refuse(Error why) {
  ASSERT(literal_);
  if (!continues_) refused_tag_ = tag_of(text_);
  error_.emplace(std::move(why));
  text_.clear();
  line_start_ = 0;
  if (literal_->synchronizing) {
    finish(Event::Refused);
    return;
  }
  skipped_ += literal_->bytes;
  literal_left_ = literal_->bytes;
  state_ = State::Skip;
  if (skipped_ > limits_.skip_bytes_max) finish(Event::Abandon);
}

CommandAssembler::Event CommandAssembler::finish(Event event) {
  state_ = State::Done;
  outcome_ = event;
  return event;
}

void CommandAssembler::reset() {
  text_.clear();
  if (text_.capacity() > kept_capacity) text_.shrink_to_fit();
  tail_.clear();
  refused_tag_.clear();
  literal_.reset();
  error_.reset();
  state_ = State::Line;
  line_start_ = 0;
  literal_left_ = 0;
  skipped_ = 0;
  literals_ = 0;
  continues_.reset();
}

}  // namespace pennypost::imap
