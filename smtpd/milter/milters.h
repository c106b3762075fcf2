// Asks all milters of a session, one after another: each sees the changes of those before it.
//
// The first that refuses or discards decides. One that holds a message does not keep the others
// from seeing it.
//
// SEE ALSO   milter.h (one of them), ../inbound/session_milters.cpp, ../pickup/posted_milters.cpp
// (who asks)
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd/milter/milter.h"

namespace pennypost::smtp {

class Milters {
 public:
  /// Connects to the milter of this number, from 0. Errors are temporary.
  using Connect = std::function<Task<Result<std::unique_ptr<Stream>>>(std::uint32_t number)>;
  Milters(Loop& loop, std::vector<MilterSettings> list, const MilterMacros& macros,
          MilterMacroValues values, Connect connect, const std::string& component);
  Milters(const Milters&) = delete;
  Milters& operator=(const Milters&) = delete;
  ~Milters();

  Task<MilterAnswer> connect(MilterClient client);
  Task<MilterAnswer> helo(std::string name);
  Task<MilterAnswer> mail(std::vector<std::string> words);
  Task<MilterAnswer> rcpt(std::vector<std::string> words);
  /// Tells those that want to know of a recipient that is refused already.
  Task<> rcpt_refused(std::vector<std::string> words);
  Task<MilterAnswer> data();
  Task<MilterAnswer> unknown(std::string line);
  Task<MilterAnswer> message(MilteredMessage& message);

 private:
  template <class Ask>
  Task<MilterAnswer> ask(Ask ask);
  MilterMacroValues values_;
  std::vector<std::unique_ptr<Milter>> milters_;
};

}  // namespace pennypost::smtp
