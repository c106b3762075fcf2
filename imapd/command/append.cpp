// APPEND: messages are taken from the connection as they come, the small ones into memory, others
// into a nameless file, and stored all or none (RFC 9051 section 6.3.12, RFC 3502).
#include <fcntl.h>
#include <unistd.h>

#include <deque>

#include "common/base/descriptor.h"
#include "common/base/text.h"
#include "imapd/response/untagged.h"
#include "imapd/session/session.h"

namespace pennypost::imap {
namespace {

using Event = CommandAssembler::Event;

// What the messages of one command may hold in memory; beyond it they go to a file.
constexpr std::uint64_t memory_octets_max = 64 << 10;
constexpr std::size_t messages_max = 1000;

Result<Descriptor> nameless_file(const std::string& directory) {
  Descriptor file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // A file system without O_TMPFILE.
  auto path = directory + "/pennypost-append-XXXXXX";
  file = Descriptor(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) return Error::temporary("Can't store the message while it arrives");
  ::unlink(path.c_str());
  return file;
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    auto count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

class Session::AppendBatch {
 public:
  std::optional<store::MailboxName> target;
  std::vector<store::NewMessage> messages;
  // The small ones; a deque, since NewMessage looks into it.
  std::deque<std::string> texts;
  std::uint64_t memory_octets = 0;
  Descriptor file;
  std::uint64_t file_octets = 0;
  // Why the command will be refused at its end; what still comes is read and dropped.
  std::optional<Error> failure;
};

// An APPEND that is complete without any message literal: its arguments are not as they should be.
Task<Reply> Session::append(const CommandHead& /*command*/) {
  co_return Reply::bad("APPEND needs a mailbox, and the message as a literal");
}

Task<> Session::append_messages() {
  AppendBatch batch;
  auto request = parse_append(assembler_.text(), surroundings_->limits);
  ASSERT(request.has_value());
  auto tag = tag_of(assembler_.text());
  auto name = std::move(request->mailbox);
  auto message = std::move(request->message);
  auto event = Event::Message;
  while (event == Event::Message) {
    auto beginning = begin_message(batch, name, message);
    auto begun = co_await std::move(beginning);
    if (begun) {
      auto taking = take_message(batch, message.literal);
      co_await std::move(taking);
      assembler_.message_taken();
    } else {
      assembler_.refuse(begun.error());
    }
    event = co_await next_event();
    if (event != Event::Message) break;
    auto next = parse_append_next(assembler_.text(), surroundings_->limits);
    ASSERT(next.has_value() && next->has_value());
    message = **std::move(next);
  }
  if (event == Event::Abandon) {
    abandon("Too much input that can't be taken");
  } else if (event == Event::Refused) {
    answer(Reply(assembler_.error()), tag);
  } else if (!assembler_.text().empty()) {
    answer(Reply::bad("Unexpected text after the message"), tag);
  } else {
    auto storing = store_messages(batch);
    auto reply = co_await std::move(storing);
    if (selected_) co_await tell_news(true, false);
    answer(reply, tag);
  }
}

// Whether a message is welcome, before the client sends it.
Task<Result<void>> Session::begin_message(AppendBatch& batch, std::string name,
                                          AppendMessage message) {
  if (batch.messages.size() == messages_max)
    co_return Error(550, "[LIMIT] Too many messages at once");
  if (message.literal.bytes == 0) co_return Error(550, "Can't save a zero byte message.");
  if (!batch.target) {
    CO_TRY(auto target, mailbox_name(name));
    // A small message is not worth a look of its own: storing it will tell.
    if (message.literal.bytes > memory_octets_max) {
      auto looked = co_await patiently([&] { return store_->status(target); });
      if (!looked) co_return with_try_create(looked.error());
    }
    batch.target = std::move(target);
  }
  CO_TRY(auto change, flag_change(message.flags, true));
  store::NewMessage fresh;
  fresh.flags = change.flags;
  fresh.keywords = std::move(change.keywords);
  if (message.internal_date) fresh.internal_date = message.internal_date->seconds;
  batch.messages.push_back(std::move(fresh));
  co_return Result<void>();
}

// Takes the literal's octets off the connection, to the last, whatever happens to them.
Task<> Session::take_message(AppendBatch& batch, LiteralHeader literal) {
  if (literal.synchronizing) put("+ OK\r\n");
  auto left = literal.bytes;
  bool in_memory = batch.memory_octets + left <= memory_octets_max;
  auto begin = batch.file_octets;
  std::string text;
  if (in_memory) {
    batch.memory_octets += left;
    text.reserve(static_cast<std::size_t>(left));
  } else if (!batch.file) {
    auto file = nameless_file(surroundings_->settings().mail_temp_dir);
    if (file) {
      batch.file = *std::move(file);
    } else {
      batch.failure = file.error();
    }
  }
  while (left > 0) {
    if (!connection_.has_input()) co_await connection_.fill();
    auto bytes = connection_.buffered();
    bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
    if (in_memory) {
      text += bytes;
    } else if (!batch.failure) {
      bool written = co_await loop_.offload([&] { return write_all(batch.file.number(), bytes); });
      if (!written) batch.failure = Error::temporary("Can't store the message while it arrives");
      batch.file_octets += bytes.size();
    }
    left -= bytes.size();
    received_ += bytes.size();
    connection_.consume(bytes.size());
  }
  auto& body = batch.messages.back().body;
  if (in_memory) {
    batch.texts.push_back(std::move(text));
    body.emplace_back(std::string_view(batch.texts.back()));
  } else {
    body.emplace_back(store::FileRange{batch.file.number(), begin, batch.file_octets - begin});
  }
}

Task<Reply> Session::store_messages(AppendBatch& batch) {
  if (batch.failure) co_return Reply(*batch.failure);
  auto appended = co_await patiently([&] { return store_->append(*batch.target, batch.messages); });
  if (!appended) co_return Reply(with_try_create(appended.error()));
  co_return Reply::ok(append_uid_code(*appended) + " Append completed.");
}

}  // namespace pennypost::imap
