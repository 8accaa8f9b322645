// Package cases runs named cases: a line of standard input names one; cases run side by side, and each is answered with a line of
// JSON. The first line names all cases there are.
package cases

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const soon = 20 * time.Second

// Surroundings is what the test tells about the cluster; see client-program.ts.
type Surroundings struct {
	Bootstrap string `json:"bootstrap"`
	Brokers   int    `json:"brokers"`
	TLS       struct {
		Bootstrap string `json:"bootstrap"`
		CA        string `json:"ca"`
	} `json:"tls"`
	SASL struct {
		Bootstrap string `json:"bootstrap"`
		User      string `json:"user"`
		Stranger  string `json:"stranger"`
		Password  string `json:"password"`
	} `json:"sasl"`
}

// Seeds are the addresses to begin with.
func Seeds(bootstrap string) []string { return strings.Split(bootstrap, ",") }

// BrokerDefault is the replication factor of topics where nothing else is said.
const BrokerDefault = -1

// Cases by name; one that finds something wrong panics.
type Cases map[string]func(Surroundings)

type answer struct {
	Case string `json:"case"`
	Ok   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}

// Run is the program: os.Args[1] tells the surroundings.
func Run(all Cases) {
	var where Surroundings
	if err := json.Unmarshal([]byte(os.Args[1]), &where); err != nil {
		panic(err)
	}
	var lock sync.Mutex
	say := func(value any) {
		lock.Lock()
		defer lock.Unlock()
		_ = json.NewEncoder(os.Stdout).Encode(value)
	}
	names := []string{}
	for name := range all {
		names = append(names, name)
	}
	say(map[string][]string{"cases": names})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		go func(name string) {
			told := answer{Case: name, Ok: true}
			defer func() {
				if why := recover(); why != nil {
					told = answer{Case: name, Why: fmt.Sprint(why, "\n", string(debug.Stack()))}
				}
				say(told)
			}()
			all[name](where)
		}(lines.Text())
	}
}

// Must panics when there is an error.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// Got is the value, where no error came with it.
func Got[Value any](value Value, err error) Value {
	Must(err)
	return value
}

// Equal panics when the two are not.
func Equal(wanted, seen any, what string) {
	if !reflect.DeepEqual(wanted, seen) {
		panic(fmt.Sprintf("%s: wanted %v, saw %v", what, wanted, seen))
	}
}

// Fails panics unless the error is the wanted one.
func Fails(wanted, err error) {
	if !errors.Is(err, wanted) {
		panic(fmt.Sprintf("wanted the error %v, saw %v", wanted, err))
	}
}

// Soon asks until it holds: a cluster's metadata is true only after a while.
func Soon(condition func() bool, what string) {
	for deadline := time.Now().Add(soon); time.Now().Before(deadline); time.Sleep(25 * time.Millisecond) {
		if condition() {
			return
		}
	}
	panic(fmt.Sprintf("not within %v: %s", soon, what))
}

// Within is a context for what a case waits for.
func Within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), soon)
}

// Wire is how a client reaches its brokers; cut, it falls silent like a process that is killed.
type Wire struct {
	lock  sync.Mutex
	open  []net.Conn
	isCut bool
}

// Dial opens a connection that Cut will end.
func (w *Wire) Dial(ctx context.Context, network, host string) (net.Conn, error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.isCut {
		return nil, errors.New("the wire is cut")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, host)
	if err == nil {
		w.open = append(w.open, conn)
	}
	return conn, err
}

// Cut ends all connections, and refuses new ones.
func (w *Wire) Cut() {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.isCut = true
	for _, conn := range w.open {
		_ = conn.Close()
	}
}
