#include "smtpd/commands/postmap_call.h"

#include <utility>

namespace pennypost::smtp {
namespace {

using Task = TableCall::Task;

class Parser {
 public:
  explicit Parser(const TableTool& tool) : tool_(tool) { call_.build.syntax = tool.syntax; }

  Result<TableCall> run(std::span<const std::string> args) {
    std::size_t i = 0;
    for (; i < args.size() && args[i].size() > 1 && args[i][0] == '-'; ++i) {
      if (args[i] == "--") {
        ++i;
        break;
      }
      TRY_DO(word(args, i));
    }
    call_.tables.assign(args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
    if (call_.tables.empty()) return wrong_call("no table is named");
    TRY_DO(check());
    return std::move(call_);
  }

 private:
  Error wrong_call(const std::string& reason) const {
    return Error::permanent(reason + "; " + std::string(tool_.usage));
  }

  /// The options of args[i], and the argument that the last of them may take from args[i + 1].
  Result<void> word(std::span<const std::string> args, std::size_t& i) {
    const std::string& text = args[i];
    for (std::size_t k = 1; k < text.size(); ++k) {
      char flag = text[k];
      if (flag != 'c' && flag != 'q' && flag != 'd') {
        if (tool_.flags.find(flag) == tool_.flags.npos) {
          return wrong_call("there is no option -" + std::string(1, flag));
        }
        set(flag);
        continue;
      }
      bool is_next = k + 1 == text.size();
      if (is_next && i + 1 == args.size()) {
        return wrong_call("after -" + std::string(1, flag) +
                          (flag == 'c' ? " a directory" : " a key") + " is missing");
      }
      return set(flag, is_next ? args[++i] : text.substr(k + 1));
    }
    return {};
  }

  Result<void> set(char flag, std::string text) {
    if (flag == 'c') {
      call_.directory = std::move(text);
      return {};
    }
    ++questions_;
    call_.task = flag == 'q' ? Task::Ask : Task::Remove;
    call_.key = std::move(text);
    return {};
  }

  // -n and -N say whether keys end in a NUL, which matters to Berkeley DB alone.
  void set(char flag) {
    if (flag == 'b') call_.keys_of.body = true;
    if (flag == 'f') call_.build.fold_keys = false;
    if (flag == 'F') call_.build.values_are_files = true;
    if (flag == 'h') call_.keys_of.header = true;
    if (flag == 'i') is_incremental_ = true;
    if (flag == 'm') call_.keys_of.mime = true;
    if (flag == 'o') call_.build.rights = store::BuildLock::Rights::Own;
    if (flag == 'p') call_.build.readable_by_all = true;
    if (flag == 'r') call_.build.duplicates = store::Duplicates::Replace;
    if (flag == 's') {
      ++questions_;
      call_.task = Task::List;
    }
    if (flag == 'u') call_.utf8 = TableCall::Utf8::NotChecked;
    if (flag == 'U') call_.utf8 = TableCall::Utf8::CheckedOfMessagesToo;
    if (flag == 'v') call_.is_verbose = true;
    if (flag == 'w') call_.build.duplicates = store::Duplicates::Ignore;
  }

  Result<void> check() {
    if (questions_ > 1) return wrong_call("only one of -q, -d and -s can be answered at once");
    if (is_incremental_ && questions_ == 0) call_.task = Task::Add;
    bool reads_message = call_.keys_of.header || call_.keys_of.body || call_.keys_of.mime;
    bool asks_input = call_.task == Task::Ask && call_.key == "-";
    if (reads_message && !asks_input) {
      return wrong_call("-h, -b and -m take the keys from a message: they need -q -");
    }
    return {};
  }

  const TableTool& tool_;
  TableCall call_;
  int questions_ = 0;  // -q, -d, -s
  bool is_incremental_ = false;
};

}  // namespace

bool TableCall::checks_utf8() const {
  if (keys_of.header || keys_of.body) return utf8 == Utf8::CheckedOfMessagesToo;
  return utf8 != Utf8::NotChecked;
}

Result<TableCall> parse_table_call(const TableTool& tool, std::span<const std::string> args) {
  return Parser(tool).run(args);
}

}  // namespace pennypost::smtp
